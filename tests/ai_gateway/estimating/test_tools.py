import json

import pytest

from ai_gateway.estimating import count_tokens, estimate_tool_tokens

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {
                    "type": "string",
                    "description": "The unit of temperature to return",
                    "enum": ["celsius", "fahrenheit"],
                },
            },
            "required": ["location"],
        },
    },
}


def cookbook_count(tool, model, per_tool) -> int:
    """OpenAI's recipe, "How to count tokens", for one tool of flat properties."""
    function = tool["function"]
    total = per_tool + count_tokens(f"{function['name']}:{function['description']}", model) + 3
    for key, value in function["parameters"]["properties"].items():
        total += 3 + count_tokens(f"{key}:{value['type']}:{value['description']}", model)
        if "enum" in value:
            total += -3 + sum(3 + count_tokens(item, model) for item in value["enum"])
    return total + 12


def test_no_tools_cost_nothing():
    assert estimate_tool_tokens([], model="gpt-5", kind="anthropic") == 0


@pytest.mark.parametrize(("model", "per_tool"), [("gpt-4o", 7), ("gpt-4", 10)])
def test_openais_own_recipe_is_covered(model, per_tool):
    assert cookbook_count(WEATHER, model, per_tool) <= estimate_tool_tokens([WEATHER], model=model, kind="openai")


@pytest.mark.parametrize("kind", ["openai", "anthropic", "compatible"])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_tools_written_as_json_are_covered(kind, separators):
    tools = [WEATHER] * 3
    written = json.dumps(tools, separators=separators)
    assert count_tokens(written, "gpt-5") <= estimate_tool_tokens(tools, model="gpt-5", kind=kind)


def test_anthropics_system_text_is_covered():
    estimate = estimate_tool_tokens([WEATHER], model="claude-opus-5-5", kind="anthropic")
    assert estimate >= 500 + count_tokens(json.dumps(WEATHER), "") * 1.3


def test_an_enum_is_counted_by_its_items():
    def tool(values):
        return {"name": "t", "input_schema": {"type": "object", "properties": {"a": {"enum": values}}}}

    few, many = (estimate_tool_tokens([tool(["x"] * n)], model="gpt-4o", kind="openai") for n in (1, 101))
    assert many - few >= 300

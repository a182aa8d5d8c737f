"""What the rules read out of CVs of different languages and layouts."""

from datetime import date
from typing import Any

import pytest

from ai_gateway.sandbox.rules.asked_years import find_stated_years
from ai_gateway.sandbox.rules.cv_parse import answer_cv_parse
from ai_gateway.sandbox.rules.dates import Period, count_years, find_period, remove_dates
from ai_gateway.sandbox.rules.folding import fold
from ai_gateway.sandbox.rules.headings import find_section
from ai_gateway.sandbox.rules.prompt_reading import HiringPrompt, Page
from ai_gateway.sandbox.rules.terms import Term, find_terms

TODAY = date(2026, 11, 21)


def parse(*pages: str) -> dict[str, Any]:
    numbered = tuple(Page(number, text) for number, text in enumerate(pages, start=1))
    return answer_cv_parse(HiringPrompt(pages=numbered, received_on=TODAY))


def period_of(text: str) -> Period:
    period = find_period(text)
    assert period is not None
    return period


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2018 - 2020", "2018", "2020"),
        ("Jan 2018 – Present", "2018-01", "present"),
        ("January 2018 to March 2020", "2018-01", "2020-03"),
        ("since May 2021", "2021-05", "present"),
        ("03/2019 — 11/2021", "2019-03", "2021-11"),
        ("2019-03 – 2021-11", "2019-03", "2021-11"),
        ("01.04.2018 - 31.12.2020", "2018-04", "2020-12"),
        ("März 2017 bis heute", "2017-03", "present"),
        ("seit 06.2019", "2019-06", "present"),
        ("de février 2016 à août 2019", "2016-02", "2019-08"),
        ("depuis avril 2021", "2021-04", "present"),
        ("2022 – aujourd’hui", "2022", "present"),
        ("enero de 2022 – actualidad", "2022-01", "present"),
        ("março de 2015 até dezembro de 2018", "2015-03", "2018-12"),
        ("od stycznia 2020 r.", "2020-01", "present"),
        ("wrzesień 2019 – obecnie", "2019-09", "present"),
        ("2021年6月至今", "2021-06", "present"),
        ("2019年7月至2021年5月", "2019-07", "2021-05"),
        ("2016年4月 〜 2023年3月", "2016-04", "2023-03"),
        ("2023年4月～現在", "2023-04", "present"),
    ],
)
def test_a_period_is_read_in_the_languages_writing(text: str, start: str, end: str) -> None:
    period = period_of(text)
    assert (period.start, period.end) == (start, end)
    assert remove_dates(f"Engineer, Acme ({text})").startswith("Engineer, Acme")


@pytest.mark.parametrize("text", ["2021", "Room 2018-A", "+44 20 7946 0123", "2020 - 2018", "12 of 2000 users", ""])
def test_other_numbers_are_no_period(text: str) -> None:
    assert find_period(text) is None


def test_years_count_overlaps_once_and_months_inclusively() -> None:
    periods = [period_of("01/2018 - 12/2019"), period_of("06/2019 - 06/2020"), period_of("2022 - present")]
    assert count_years(periods, TODAY) == round((24 + 6 + 59) / 12, 1)
    assert count_years([], TODAY) is None
    assert count_years([period_of("2019 - 2021")], TODAY) == 2.0


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("At least 5 years of Python", 5),
        ("3+ years", 3),
        ("2-4 years in sales", 2),
        ("nine years of Python", 9),
        ("mit neun Jahren Erfahrung", 9),
        ("zehnjährige Erfahrung", 10),
        ("sept ans d'expérience", 7),
        ("seis años", 6),
        ("dez anos de experiência", 10),
        ("Sześć lat", 6),
        ("七年后端开发经验", 7),
        ("Java を中心に十年", 10),
        ("in 2019", None),
        ("2016年3月", None),
        ("for years", None),
    ],
)
def test_stated_years_are_read_in_figures_and_words(text: str, years: float | None) -> None:
    assert find_stated_years(text) == years


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("EXPERIENCE", "experience"),
        ("E X P E R I E N C E", "experience"),
        ("Work experience:", "experience"),
        ("Berufserfahrung", "experience"),
        ("Expérience professionnelle", "experience"),
        ("EXPERIENCIA LABORAL", "experience"),
        ("Experiência profissional", "experience"),
        ("Doświadczenie zawodowe", "experience"),
        ("工作经历", "experience"),
        ("【職務経歴】", "experience"),
        ("Ausbildung", "education"),
        ("Formation", "education"),
        ("Wykształcenie", "education"),
        ("学歴", "education"),
        ("Compétences", "skills"),
        ("Umiejętności", "skills"),
        ("Sprachen", "languages"),
        ("語学", "languages"),
        ("Publications", "other"),
    ],
)
def test_headings_are_known_in_eight_languages(heading: str, section: str) -> None:
    assert find_section(heading) == (section, "")


def test_a_heading_may_have_its_content_beside_it() -> None:
    assert find_section("Skills: Python, SQL") == ("skills", "Python, SQL")


@pytest.mark.parametrize("line", ["experience with Python", "teaching.", "My experience in sales spans ten years", ""])
def test_a_sentence_is_no_heading(line: str) -> None:
    assert find_section(line) is None


CVS = {
    "German": (
        "Jürgen Müller\nTeamleiter Kundenservice\nNürnberg\njuergen.mueller@example.org\n\nBerufserfahrung\n"
        "Teamleiter, Süßholz & Söhne KG\n05/2021 – heute\n• Führung von 14 Leuten.\n\nAusbildung\n"
        "Diplom Informatik, Technische Universität Musterstadt, 2012\n\nSprachen\nDeutsch (Muttersprache), Englisch (C1)",
        ("Jürgen Müller", "Teamleiter Kundenservice", "Nürnberg"),
        ("Teamleiter", "Süßholz & Söhne KG", "2021-05", "present"),
        ("Diplom Informatik", "Technische Universität Musterstadt", "2012"),
        [("Deutsch", "Muttersprache"), ("Englisch", "C1")],
    ),
    "French": (
        "Inès Moreau\nDesigner produit\nNantes, France · ines.moreau@example.org\n\nExpérience professionnelle\n"
        "Designer senior, Coquelicot Santé\ndepuis avril 2021\n- Design system utilisé par six équipes.\n\nFormation\n"
        "Licence Arts, Université de Sainte-Exemplaire\n2012 – 2015\n\nLangues\nFrançais : langue maternelle\nAnglais C1",
        ("Inès Moreau", "Designer produit", "Nantes, France"),
        ("Designer senior", "Coquelicot Santé", "2021-04", "present"),
        ("Licence Arts", "Université de Sainte-Exemplaire", "2015"),
        [("Français", "langue maternelle"), ("Anglais", "C1")],
    ),
    "Spanish": (
        "Elena Vásquez Ibáñez\nIngeniera de software\nZaragoza, España\nelena.vasquez@example.com\nExperiencia\n"
        "Ingeniera backend, Cierzo Movilidad S.L.\nenero de 2022 – actualidad\n• API de reservas.\nFormación\n"
        "Grado en Informática, Universidad del Ejemplo, 2019\nIdiomas\nEspañol (lengua materna), inglés (C1)",
        ("Elena Vásquez Ibáñez", "Ingeniera de software", "Zaragoza, España"),
        ("Ingeniera backend", "Cierzo Movilidad S.L.", "2022-01", "present"),
        ("Grado en Informática", "Universidad del Ejemplo", "2019"),
        [("Español", "lengua materna"), ("inglés", "C1")],
    ),
    "Portuguese": (
        "João Conceição\nAnalista de dados\nPorto, Portugal\njoao.conceicao@example.com\nExperiência profissional\n"
        "Analista, Andorinha Lda\nmarço de 2018 – atualmente\n• Relatórios.\nFormação académica\n"
        "Licenciatura em Economia, Universidade do Exemplo, 2017\nIdiomas\nPortuguês (nativo), inglês (fluente)",
        ("João Conceição", "Analista de dados", "Porto, Portugal"),
        ("Analista", "Andorinha Lda", "2018-03", "present"),
        ("Licenciatura em Economia", "Universidade do Exemplo", "2017"),
        [("Português", "nativo"), ("inglês", "fluente")],
    ),
    "Polish": (
        "Tomasz Zieliński\nProgramista Java\nŁódź, Polska\ntomasz.zielinski@example.com\nDoświadczenie zawodowe\n"
        "2020 – obecnie Starszy programista, Żuraw Systemy Sp. z o.o.\nUsługi rozliczeniowe.\nWykształcenie\n"
        "Magister informatyki, Politechnika Przykładowa, 2018\nJęzyki obce\nangielski (B2), niemiecki (A1)",
        ("Tomasz Zieliński", "Programista Java", "Łódź, Polska"),
        ("Starszy programista", "Żuraw Systemy Sp. z o.o.", "2020", "present"),
        ("Magister informatyki", "Politechnika Przykładowa", "2018"),
        [("angielski", "B2"), ("niemiecki", "A1")],
    ),
    "Chinese": (
        "李伟\n后端开发工程师\n杭州\nli.wei@example.org\n工作经历\n杭州示例网络科技有限公司 高级后端工程师\n2021年6月至今\n"
        "主导订单服务拆分。\n教育背景\n示例理工大学 计算机科学 本科（2015–2019）\n语言能力\n中文（母语），英语（流利）",
        ("李伟", "后端开发工程师", "杭州"),
        ("高级后端工程师", "杭州示例网络科技有限公司", "2021-06", "present"),
        ("计算机科学 本科", "示例理工大学", "2019"),
        [("中文", "母语"), ("英语", "流利")],
    ),
    "Japanese": (
        "田中 健二\nバックエンドエンジニア\n神奈川県川崎市\nkenji.tanaka@example.com\n職務経歴\n"
        "株式会社あおぞら システムエンジニア\n2016年4月 〜 2023年3月\n• 物流システムの開発。\n学歴\n"
        "例示工科大学 情報工学科 卒業（2016年3月）\n語学\n日本語（母語）、英語（日常会話）",
        ("田中 健二", "バックエンドエンジニア", "神奈川県川崎市"),
        ("システムエンジニア", "株式会社あおぞら", "2016-04", "2023-03"),
        ("情報工学科 卒業", "例示工科大学", "2016"),
        [("日本語", "母語"), ("英語", "日常会話")],
    ),
}


@pytest.mark.parametrize("language", CVS)
def test_a_cv_is_read_in_its_language(language: str) -> None:
    text, who, position, degree, languages = CVS[language]
    parsed = parse(text)
    (worked,) = parsed["experience"]
    (studied,) = parsed["education"]
    assert (parsed["full_name"], parsed["headline"], parsed["location"]) == who
    assert (worked["title"], worked["employer"], worked["start"], worked["end"]) == position
    assert (studied["degree"], studied["institution"], studied["year"]) == degree
    assert [(spoken["name"], spoken["level"]) for spoken in parsed["languages"]] == languages


@pytest.mark.parametrize(
    "header",
    [
        "Senior Engineer, Kestrel Ltd\nMarch 2019 - present",
        "Senior Engineer | Kestrel Ltd | March 2019 - present",
        "Kestrel Ltd – Senior Engineer (March 2019 - present)",
        "March 2019 - present   Senior Engineer, Kestrel Ltd",
        "Senior Engineer\nKestrel Ltd\nMarch 2019 - present",
        "Senior Engineer, March 2019 - present\nKestrel Ltd",
        "Senior Engineer at Kestrel Ltd\nMarch 2019 - present",
    ],
)
def test_a_position_is_read_in_the_usual_layouts(header: str) -> None:
    parsed = parse(f"Experience\n{header}\n• Built the booking service.")
    (position,) = parsed["experience"]
    assert position == {
        "title": "Senior Engineer",
        "employer": "Kestrel Ltd",
        "start": "2019-03",
        "end": "present",
        "summary": "Built the booking service.",
    }


def test_a_sentence_with_years_is_no_position() -> None:
    parsed = parse("Experience\nDean, Example University\n2016 to 2020\nVice dean for research, 2019 to 2022.")
    assert [position["title"] for position in parsed["experience"]] == ["Dean"]


def test_a_name_is_found_below_another_column_by_its_address() -> None:
    parsed = parse("Leeds, United Kingdom\namara.okafor@example.com\nSkills\nPython\nAmara Okafor\nSenior Engineer")
    assert (parsed["full_name"], parsed["headline"], parsed["location"]) == (
        "Amara Okafor",
        "Senior Engineer",
        "Leeds, United Kingdom",
    )


def test_what_is_not_there_is_null() -> None:
    parsed = parse("To whom it may concern.")
    assert {name for name, value in parsed.items() if value is None} == {
        "full_name",
        "email",
        "phone",
        "location",
        "headline",
        "summary",
        "total_years_experience",
    }


def test_listed_skills_come_first_and_nothing_twice() -> None:
    parsed = parse(
        "Skills\nPython (NumPy, pandas), postgres\nGo, German\nExperience\nPostgreSQL, python and Docker daily"
    )
    assert parsed["skills"] == ["Python (NumPy, pandas)", "postgres", "Go", "Python", "NumPy", "pandas", "Docker"]


def test_everyday_words_are_skills_only_in_lists() -> None:
    assert Term("skill", "golang") in find_terms("Python, Go", in_list=True)
    assert Term("skill", "golang") not in find_terms("Go to market with Python")


def test_a_phrase_inside_a_longer_one_is_not_found_again() -> None:
    assert find_terms("usability testing") == {Term("concept", "user research")}


def test_the_same_work_is_found_across_languages() -> None:
    german, english, chinese = (find_terms(text) for text in ("Kundenservice", "customer support", "负责客户服务"))
    assert german == english == chinese == {Term("concept", "customer support")}


def test_folding_keeps_japanese_voicing_and_drops_accents() -> None:
    assert fold("Łódź, ﬁancée, デザイン") == "lodz, fiancee, デザイン"

"""What the models let be chosen is what the database takes."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from tokens.models.fields import DomainField

COLUMNS = [
    pytest.param(field, id=f"{model._meta.db_table}.{field.column}")
    for model in apps.get_app_config("tokens").get_models()
    for field in model._meta.concrete_fields
    if isinstance(field, DomainField)
]


def is_taken(domain: str, value: str) -> bool:
    """Tell whether a domain takes a value."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT %s::{domain}", [value])
    except IntegrityError:
        return False
    return True


@pytest.mark.django_db
@pytest.mark.parametrize("field", COLUMNS)
def test_the_choices_of_a_column_are_its_domain_s_values(field):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''[^'']+''', 'g')"
            " WHERE c.contypid = %s::regtype",
            [field.domain],
        )
        (values,) = cursor.fetchone()

    assert len(field.choices) == values
    assert all(is_taken(field.domain, value) for value, _label in field.choices)
    assert not is_taken(field.domain, "nothing of the kind")


@pytest.mark.django_db
def test_a_column_has_the_type_that_its_field_names():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name || '.' || column_name, domain_name FROM information_schema.columns"
            " WHERE table_name LIKE 'tokens%%' AND table_name NOT SIMILAR TO 'tokens_usage_log_(default|\\d+_\\d+)'"
            " AND domain_name IS NOT NULL AND data_type = 'text'",
            [],
        )
        found = dict(cursor.fetchall())

    assert found == {column.id: column.values[0].domain for column in COLUMNS}

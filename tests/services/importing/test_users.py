"""People from files: found again, completed, and never made to agree to what they did not."""

from datetime import UTC, date, datetime

import pytest

from models.principal import Role
from models.user import Consent
from tests.files import counts, refusals, refused, take_in
from tests.staging import once

RULES = "attributes user { household: number  country: text  joined: date  kids: list of text }"


@pytest.fixture
@once
async def rules(shop):
    await shop.publish(RULES)


async def people(shop):
    return {
        document["name"]: await shop.stores.users.get(document["_id"])
        async for document in shop.stores.users.documents.find()
    }


async def test_columns_are_mapped_to_fields_with_constants_defaults_and_translations(shop, rules):
    file = (
        "Kundennr;E-Mail;Name;Geboren;Land;Haushalt;Ja;Seit;Marken\n"
        "7;Ann@Example.test;Ann;31.12.1980;;2,5;J;2020-05-01;a|b\n"
        "8;ben@example.test;Ben;;DE;3;N;;\n"
    )
    mapping = {
        "externalId": "Kundennr",
        "email": "E-Mail",
        "name": "Name",
        "birthday": {"column": "Geboren", "format": "%d.%m.%Y"},
        "attributes.country": {"column": "Land", "default": "AT"},
        "attributes.household": {"column": "Haushalt", "decimal": ","},
        "attributes.joined": "Seit",
        "consent.email": {"column": "Ja", "values": {"J": True, "N": False}},
        "timezone": {"constant": "Europe/Vienna"},
        "tags": "Marken",
    }

    job = await take_in(shop, "users", file, mapping=mapping)

    assert counts(job) == (2, 0, 0, 0), await refusals(shop, job)
    found = await people(shop)
    assert (found["Ann"].email, found["Ann"].birthday) == ("ann@example.test", date(1980, 12, 31))
    assert found["Ann"].attributes == {"country": "AT", "household": 2.5, "joined": "2020-05-01"}
    assert found["Ben"].attributes == {"country": "DE", "household": 3}
    assert (found["Ann"].consent.email, found["Ben"].consent.email) == (True, False)
    assert (found["Ann"].timezone, found["Ann"].tags) == ("Europe/Vienna", ("a", "b"))
    assert await shop.stores.identities.find_external(["7"]) == {"7": found["Ann"].id}
    assert await shop.stores.identities.find_user_id("ben@example.test") == found["Ben"].id


async def test_whoever_is_known_is_found_again_and_keeps_what_a_row_does_not_say(shop, rules):
    await take_in(shop, "users", "externalId,email,name,attributes.country\n7,a@x.test,Ann,AT\n")
    (before,) = (await people(shop)).values()

    job = await take_in(
        shop,
        "users",
        "externalId,name,attributes.household\n7,Anna,2\n7,Anna,2\n7,,\n",
    )

    assert counts(job) == (0, 1, 2, 0)
    after = (await people(shop))["Anna"]
    assert (after.id, after.email) == (before.id, "a@x.test")
    assert after.attributes == {"country": "AT", "household": 2}
    assert after.version == before.version + 1


async def test_an_address_that_is_known_gets_the_other_systems_id(shop):
    ann = await shop.person("ann")
    await shop.stores.identities.settle("ann@example.test", ann.id)

    job = await take_in(shop, "users", "externalId,email\n7,ANN@example.test\n")

    assert counts(job) == (0, 0, 1, 0)
    assert await shop.stores.identities.find_external(["7"]) == {"7": ann.id}


async def test_each_row_that_cannot_be_taken_says_why_and_the_others_are_taken(shop, rules):
    await take_in(shop, "users", "externalId,email\n1,one@x.test\n2,two@x.test\n")
    file = (
        "externalId,email,birthday,attributes.household,timezone\n"
        ",,,,\n"
        "3,nonsense,,,\n"
        "1,two@x.test,,,\n"
        "1,other@x.test,,,\n"
        "4,,yesterday,,\n"
        "5,,,many,\n"
        "6,,,,Mars/Olympus\n"
        ",,2000-01-01,,\n"
        "7,seven@x.test,,,,too,many\n"
        "8,eight@x.test,2000-01-01,3,Europe/Vienna\n"
    )

    job = await take_in(shop, "users", file)

    assert await refused(shop, job) == [
        (3, "email", "INVALID"),
        (4, "email", "EMAIL_TAKEN"),
        (5, "email", "EMAIL_DIFFERS"),
        (6, "birthday", "INVALID"),
        (7, "attributes.household", "INVALID"),
        (8, "timezone", "INVALID"),
        (9, "externalId", "REQUIRED"),
        (10, "", "COLUMNS"),
    ]
    assert counts(job) == (1, 0, 0, 8)
    assert all("x.test" not in error.message for error in await refusals(shop, job))


async def test_consent_is_taken_back_by_a_file_but_given_only_if_that_is_asked_for(shop):
    await shop.person("ann", consent=Consent(sms=True))
    await shop.stores.identities.link_external("7", "ann")
    file = "externalId,consent.email,consent.sms\n7,true,false\n"

    await take_in(shop, "users", file)
    assert (await shop.stores.users.get("ann")).consent == Consent()

    await take_in(shop, "users", file, consents=True)
    assert (await shop.stores.users.get("ann")).consent == Consent(email=True)


async def test_files_do_not_change_the_shops_own_people(shop):
    await shop.person("ada", roles=frozenset({Role.ADMIN}), email=None)
    await shop.stores.identities.link_external("7", "ada")

    job = await take_in(shop, "users", "externalId,email\n7,thief@x.test\n")

    assert await refused(shop, job) == [(2, "externalId", "FORBIDDEN")]
    assert (await shop.stores.users.get("ada")).email is None


async def test_lines_of_json_say_the_same_by_the_names_of_fields_or_by_paths(shop, rules):
    job = await take_in(
        shop,
        "users",
        '{"externalId": "1", "name": "Ann", "attributes": {"kids": ["Tim", "Tom"]}}\n'
        '{"externalId": "2", "nome": "Ben"}\n'
        '{"externalId": "3", "name": "Cyd", "attributes": {"household": "2"}}\n'
        "[]\n"
        "{\n",
        table="ndjson",
    )
    assert await refused(shop, job) == [
        (2, "nome", "UNKNOWN_FIELD"),
        (4, "", "NOT_JSON"),
        (5, "", "NOT_JSON"),
    ]
    assert (await people(shop))["Ann"].attributes == {"kids": ["Tim", "Tom"]}

    line = '{"id": 4, "who": {"call": "Dee"}, "since": "2020-05-01T10:00:00+02:00"}\n'
    mapping = {"externalId": "id", "name": "who.call", "createdAt": "since"}
    job = await take_in(shop, "users", line, table="ndjson", mapping=mapping)

    assert counts(job) == (1, 0, 0, 0)
    assert (await people(shop))["Dee"].created_at == datetime(2020, 5, 1, 8, tzinfo=UTC)


async def test_whoever_comes_into_a_segment_by_a_file_starts_nothing(shop):
    await shop.publish(
        "attributes user { country: text }\n"
        'segment austrians { user.country = "AT" }\n'
        'trigger hello { when user enters segment austrians then { tag "greeted" } }'
    )
    await shop.fill()

    await take_in(shop, "users", "externalId,attributes.country\n1,AT\n2,DE\n")
    await shop.work()

    assert list((await shop.members("austrians")).values()) == ["import"]
    assert await shop.stores.runs.documents.count_documents({}) == 0

"""hitl.validate_answer gives what the published tests of JSON Schema say.

test/vectors/json-schema has the tests.  A group whose schema needs what is not
supported must be refused, and is listed here with what refuses it.  As a second
opinion, random schemas are checked by python3-jsonschema, too.
"""
import json
import random

import jsonschema
import psycopg
import pytest
from exact_json import read_json, write_json
from harness import ROOT

SUITE = ROOT / "test/vectors/json-schema"

# What a fault of the schema must say, by file and description of the group.
IDENTIFIERS = "/$id: this keyword is not supported"
REMOTE = "/$ref: only references within the schema"
UNKNOWN = "this keyword is not supported"
UNICODE = "not a supported regular expression: an escape is unknown"
REFUSED = {
    ("anchor", "Location-independent identifier with absolute URI"): IDENTIFIERS,
    ("anchor", "Location-independent identifier with base URI change in subschema"): IDENTIFIERS,
    ("anchor", "same $anchor with different base uri"): IDENTIFIERS,
    ("content", "validation of binary-encoded media type documents with schema"):
        "/contentSchema: " + UNKNOWN,
    ("defs", "validate definition against metaschema"): REMOTE,
    ("not", "collect annotations inside a 'not', even if collection is disabled"):
        "/not/unevaluatedProperties: " + UNKNOWN,
    ("optional/cross-draft", "refs to historic drafts are processed as historic drafts"): REMOTE,
    ("optional/format-assertion",
     "schema that uses custom metaschema with format-assertion: false"): "/$schema: is not supported",
    ("optional/format-assertion",
     "schema that uses custom metaschema with format-assertion: true"): "/$schema: is not supported",
    ("optional/id", "$id inside an enum is not a real identifier"): IDENTIFIERS,
    ("optional/unknownKeyword", "$id inside an unknown keyword is not a real identifier"): UNKNOWN,
    ("pattern", "pattern with Unicode property escape requires unicode mode"): UNICODE,
    ("patternProperties", "patternProperties with Unicode property escape"): UNICODE,
    ("ref", "remote ref, containing refs itself"): REMOTE,
    ("ref", "ref creates new scope when adjacent to keywords"):
        "/$defs/A/unevaluatedProperties: " + UNKNOWN,
    **{("optional/dependencies-compatibility", group): "/dependencies: " + UNKNOWN for group in (
        "single dependency", "empty dependents", "multiple dependents required",
        "dependencies with escaped characters", "single schema dependency", "boolean subschemas",
        "schema dependencies with escaped characters")},
    **{("optional/ecmascript-regex", group): UNICODE for group in (
        "patterns always use unicode semantics with pattern",
        "pattern with non-ASCII digits",
        "patterns always use unicode semantics with patternProperties",
        "patternProperties with non-ASCII digits")},
    **{("optional/refOfUnknownKeyword", group): "$ref: leads to no schema" for group in (
        "reference of a root arbitrary keyword ",
        "reference of a root arbitrary keyword with encoded ref",
        "reference of an arbitrary keyword of a sub-schema",
        "reference internals of known non-applicator",
        "reference of an arbitrary keyword of a sub-schema with encoded ref")},
    **{("ref", group): IDENTIFIERS for group in (
        "Recursive references between schemas", "refs with relative uris and defs",
        "relative refs with absolute uris and defs",
        "$id must be resolved against nearest parent, not just immediate parent",
        "order of evaluation: $id and $ref", "order of evaluation: $id and $anchor and $ref",
        "order of evaluation: $id and $ref on nested schema",
        "simple URN base URI with $ref via the URN", "simple URN base URI with JSON pointer",
        "URN base URI with NSS", "URN base URI with r-component", "URN base URI with q-component",
        "URN base URI with URN and JSON pointer ref", "URN base URI with URN and anchor ref",
        "URN ref with nested pointer ref", "ref to if", "ref to then", "ref to else",
        "ref with absolute-path-reference", "$id with file URI still resolves pointers - *nix",
        "$id with file URI still resolves pointers - windows")},
}


def groups():
    for path in sorted(SUITE.rglob("*.json")):
        name = str(path.relative_to(SUITE).with_suffix(""))
        for group in read_json(path.read_text()):
            yield name, group


def cases():
    for name, group in groups():
        for case in group["tests"]:
            yield pytest.param(name, group, case,
                               id=f"{name}: {group['description']}: {case['description']}")


@pytest.fixture(scope="module")
def connection(cluster):
    with cluster.connect() as made:
        yield made


def faults(connection, schema):
    rows = connection.execute("SELECT * FROM hitl.validate_schema(%s::jsonb)", [schema]).fetchall()
    return [f"{pointer}: {message}" for pointer, message in rows]


def violations(connection, schema, answer):
    rows = connection.execute("SELECT * FROM hitl.validate_answer(%s::jsonb, %s::jsonb)",
                              [schema, answer]).fetchall()
    return [f"{pointer} ({keyword}): {message}" for pointer, keyword, message in rows]


@pytest.mark.parametrize("name,group,case", cases())
def test_published(connection, name, group, case):
    schema, answer = write_json(group["schema"]), write_json(case["data"])
    if "\\u0000" in schema + answer:
        # No jsonb can have it, so that nobody can answer so.
        with pytest.raises(psycopg.errors.UntranslatableCharacter):
            violations(connection, schema, answer)
        return
    refused = REFUSED.get((name, group["description"]))
    if refused is None:
        found = violations(connection, schema, answer)
        assert bool(found) != case["valid"], found
        return
    assert any(refused in fault for fault in faults(connection, schema))
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        violations(connection, schema, answer)


def test_list_of_the_refused():
    known = {(name, group["description"]) for name, group in groups()}
    assert set(REFUSED) <= known


# A second opinion

NAMES = "abc"


def random_value(rng, depth=2):
    sort = rng.randrange(8 if depth else 6)
    if sort == 7:
        return {name: random_value(rng, depth - 1) for name in NAMES if rng.random() < 0.6}
    if sort == 6:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return [None, rng.random() < 0.5, rng.randrange(-3, 12), rng.randrange(-6, 8) / 2,
            "".join(rng.choices("abé", k=rng.randrange(4))), rng.randrange(3)][sort]


def random_schema(rng, depth=3, top=True):
    if not top and rng.random() < 0.1:
        return rng.random() < 0.7

    def inner():
        return random_schema(rng, depth - 1, False)

    def several():
        return [inner() for _ in range(rng.randrange(1, 4))]

    def named(make):
        return {name: make() for name in NAMES if rng.random() < 0.5}

    def names():
        return [name for name in NAMES if rng.random() < 0.4]

    simple = {
        "type": lambda: rng.choice(["string", "number", "integer", "boolean", "null", "array", "object",
                                    ["string", "integer"], ["object", "array", "number"]]),
        "enum": lambda: [random_value(rng) for _ in range(4)],
        "const": lambda: random_value(rng, 1),
        "minimum": lambda: rng.randrange(-2, 4), "maximum": lambda: rng.randrange(2, 9),
        "exclusiveMinimum": lambda: rng.randrange(-2, 4), "exclusiveMaximum": lambda: rng.randrange(2, 9),
        "multipleOf": lambda: rng.choice([1, 2, 3, 0.5]),
        "minLength": lambda: rng.randrange(3), "maxLength": lambda: rng.randrange(1, 4),
        # No \w and the like: those of Python are not those of ECMA-262.
        "pattern": lambda: rng.choice(["^a", "b$", "^[ab]*$", "a.b|é", "(ab)+", "^[^é]+$"]),
        "minItems": lambda: rng.randrange(3), "maxItems": lambda: rng.randrange(1, 4),
        "uniqueItems": lambda: rng.random() < 0.7,
        "minProperties": lambda: rng.randrange(3), "maxProperties": lambda: rng.randrange(1, 4),
        "required": names, "dependentRequired": lambda: named(names),
    }
    nested = {
        "properties": lambda: named(inner), "patternProperties": lambda: {"^[ab]$": inner()},
        "additionalProperties": inner, "propertyNames": inner, "items": inner, "prefixItems": several,
        "contains": inner, "allOf": several, "anyOf": several, "oneOf": several, "not": inner,
        "if": inner, "then": inner, "else": inner, "dependentSchemas": lambda: named(inner),
        "$ref": lambda: "#/$defs/part",
    }
    made = {}
    for keyword, make in rng.sample(sorted(simple.items()), rng.randrange(3)):
        made[keyword] = make()
    for keyword, make in rng.sample(sorted(nested.items()), rng.randrange(3) if depth else 0):
        made[keyword] = make()
    if "contains" in made:
        made.update({"minContains": rng.randrange(3), "maxContains": rng.randrange(1, 4)})
    if top:
        # Without references: it cannot lead back to itself.
        made["$defs"] = {"part": {"type": rng.choice(["string", "number", "object"])}}
    return made


@pytest.mark.parametrize("seed", range(10))
def test_second_opinion(connection, seed):
    rng = random.Random(seed)
    valid = 0
    for _ in range(60):
        schema = random_schema(rng)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for _ in range(8):
            answer = random_value(rng, 3)
            expected = validator.is_valid(answer)
            found = violations(connection, json.dumps(schema), json.dumps(answer))
            assert bool(found) != expected, f"{json.dumps(schema)} {json.dumps(answer)}: {found}"
            valid += expected
    assert 50 < valid < 430

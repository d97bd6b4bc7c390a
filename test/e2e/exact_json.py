"""JSON whose numbers are written as they were read."""
import json


class Number(str):
    """A number, digit by digit."""


def read_json(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def write_json(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(write_json, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{write_json(member)}" for key, member in value.items()) + "}"
    return json.dumps(value)

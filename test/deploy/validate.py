"""Validates rendered documents strictly: VERSION FILE DEFINITION…; prints JSON of the documents and the faults."""
import copy
import json
import sys

import jsonschema
import kubernetes_validate
import yaml

version, rendered, *definitions = sys.argv[1:]


def strict(schema):
    """As an API server does: a field that the schema does not name is unknown, unless it says that it keeps such."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(value) for name, value in schema.items()}
    closed = 'properties' in schema and 'additionalProperties' not in schema
    if closed and not schema.get('x-kubernetes-preserve-unknown-fields'):
        made['additionalProperties'] = False
    if schema.get('x-kubernetes-int-or-string'):
        made['type'] = ['integer', 'string']
    return made


custom = {}
for path in definitions:
    with open(path, encoding='utf-8') as file:
        of = yaml.safe_load(file)['spec']
    for each in of['versions']:
        schema = copy.deepcopy(each['schema']['openAPIV3Schema'])
        schema['properties']['metadata'] = {'type': 'object', 'additionalProperties': True}
        custom[(f"{of['group']}/{each['name']}", of['names']['kind'])] = strict(schema)

with open(rendered, encoding='utf-8') as file:
    documents = [each for each in yaml.safe_load_all(file) if each]
faults = []
for each in documents:
    name = f"{each.get('kind')} {each.get('metadata', {}).get('name')}"
    schema = custom.get((each.get('apiVersion'), each.get('kind')))
    try:
        if schema is None:
            kubernetes_validate.validate(each, version, strict=True)
        else:
            jsonschema.Draft7Validator(schema).validate(each)
    except Exception as error:  # of either library
        faults.append(f"{name}: {getattr(error, 'message', None) or error}")
print(json.dumps({'documents': documents, 'faults': faults}))

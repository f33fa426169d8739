import t from 'tap'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { isObject } from '../../../src/base/json.ts'
import { publishedSchema } from '../../../src/policies/schema.ts'
import { KEYS } from '../../support/keys/every-key.ts'
import { played } from '../../support/played-policies.ts'

/** The keys that the schema has: those of every step and query once, those of each action's and metric's `with` by its name. */
function keysOf(schema: unknown, path: string): readonly string[] {
  if (!isObject(schema)) return []
  // A `with` of an action without options.
  if (isObject(schema['properties']) && Object.keys(schema['properties']).length === 0) return []
  const { properties, patternProperties, items, anyOf } = schema
  if (Array.isArray(anyOf)) return anyOf.flatMap((branch: unknown) => keysOf(branch, `${path}${nameOf(branch)}`))
  if (isObject(items)) {
    const inner = keysOf(items, `${path}[]`)
    return inner.length === 1 && inner[0] === `${path}[]` ? [path] : inner
  }
  const inside = [
    ...Object.entries(isObject(properties) ? properties : {}).flatMap(([key, value]) =>
      keysOf(value, path === '' ? key : `${path}.${key}`)
    ),
    ...(path === 'channels'
      ? Object.values(isObject(patternProperties) ? patternProperties : {}).flatMap(value => keysOf(value, `${path}.*`))
      : [])
  ]
  return inside.length === 0 ? [path] : inside
}

function nameOf(branch: unknown): string {
  const properties = isObject(branch) && isObject(branch['properties']) ? branch['properties'] : {}
  const named = properties['action'] ?? properties['use']
  return isObject(named) ? `<${String(named['const'])}>` : ''
}

function written(path: string): string {
  return /<[^>]+>\.with/.test(path) ? path : path.replace(/<[^>]+>/, '')
}

t.test('every key of the schema does something: with another value something else happens', { timeout: 900_000 }, async t => {
  const schema = keysOf(JSON.parse(JSON.stringify(publishedSchema(VOCABULARY))), '').map(written)
  t.same([...new Set(schema)].sort(), KEYS.map(({ path }) => path).sort(), 'each key has its proof in test/support/keys/')
  for (const { path, from, to, play } of KEYS) {
    if ('proof' in play) {
      t.not(await play.proof(from), await play.proof(to), path)
      continue
    }
    // What is told must be what happened, and not the policy itself.
    const [before, after] = [await played(t, from, play), await played(t, to, play)]
    t.ok(before !== after, path)
    t.notMatch(before, /"(failWhen|recheck|cooldown|changedWithin)":/, 'the policy itself is not told')
  }
})

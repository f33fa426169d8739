import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { manifestObjects } from '../../../src/templates/manifest.ts'

const objects = async (text: string): Promise<unknown> => {
  const found = await manifestObjects(text)
  return typeof found === 'string' ? found : found.map(({ kind, namespace = '-', name }) => `${kind} ${namespace}/${name}`)
}

// Helm reads YAML 1.1 by Go's library, Astern YAML 1.2: what the two would read otherwise must not hide an object's namespace.
t.test('a namespace that a merge key brings is seen, as Helm sees it', async t => {
  t.same(await objects('apiVersion: v1\nkind: ConfigMap\nelsewhere: &ns { namespace: kube-system }\nmetadata: { <<: *ns, name: api }\n'), [
    'ConfigMap kube-system/api'
  ])
})

t.test('a line break that only Helm takes for one is refused: behind it stands what Astern would take for a comment', async t => {
  for (const breaks of ['\u0085', '\u2028', '\u2029'])
    t.equal(
      await objects(`apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: api\n  # ${breaks}  namespace: kube-system\n`),
      'unreadable',
      `U+${breaks.charCodeAt(0).toString(16)}`
    )
})

t.test('a namespace that is no text is refused, and not taken for none', async t => {
  for (const namespace of ['1', 'true', '[kube-system]', '{ a: b }'])
    t.equal(await objects(`apiVersion: v1\nkind: ConfigMap\nmetadata: { name: api, namespace: ${namespace} }\n`), 'unreadable', namespace)
  t.same(await objects('apiVersion: v1\nkind: ConfigMap\nmetadata: { name: api, namespace: }\n'), ['ConfigMap -/api'])
})

t.test('documents end where Helm ends them, and nowhere within a text of many lines', async t => {
  const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  x: |\n    ---\n    kind: no\n'
  t.same(await objects(`${text}--- # next\napiVersion: v1\nkind: Secret\nmetadata: { name: b }\n`), ['ConfigMap -/a', 'Secret -/b'])
  t.same(await objects(`---\n${text}---\n`), ['ConfigMap -/a'])
})

t.test('a manifest of a megabyte holds up nobody, and one that was made to is not read at all', async t => {
  const container = (index: number): string => `        - { name: c${index}, image: "app:v1", env: [{ name: A, value: b }] }`
  const document = (index: number): string =>
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: d${index} }\nspec:\n  template:\n    spec:\n      containers:\n${Array.from({ length: 40 }, (_, n) => container(n)).join('\n')}\n`
  const text = Array.from({ length: 200 }, (_, index) => document(index)).join('---\n')
  let turns = 0
  let over = false
  const others = (async () => {
    for (; !over; turns += 1) await setImmediate()
  })()
  const found = await manifestObjects(text)
  over = true
  await others
  t.equal(found.length, 200)
  t.ok(turns >= 100, `others had ${turns} turns`)
  t.equal(await manifestObjects(`# ${'x'.repeat(17 * 1024 * 1024)}`), 'unreadable')
})

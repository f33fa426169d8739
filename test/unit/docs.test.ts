import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { ACTIONS } from '../../src/actions/registry.ts'
import { VOCABULARY } from '../../src/app/vocabulary.ts'
import { MINUTE } from '../../src/base/clock.ts'
import { at, isObject, objectAt } from '../../src/base/json.ts'
import { MESSAGE_EVENTS, SUBJECT_KINDS } from '../../src/domain/message.ts'
import { OUTCOMES } from '../../src/domain/outcomes.ts'
import { REASONS } from '../../src/domain/reasons.ts'
import { PROBLEMS } from '../../src/domain/verdict.ts'
import { GUARDS } from '../../src/guards/guards.ts'
import { CHANNELS } from '../../src/notify/registry.ts'
import { webhook } from '../../src/notify/webhook/webhook.ts'
import { loadPolicies } from '../../src/policies/load.ts'
import { openBench } from '../support/bench.ts'
import { answering, channelTools } from '../support/channel-tools.ts'
import { MUTATIONS } from '../support/mutations.ts'

const doc = (name: string): string => readFileSync(`docs/${name}`, 'utf8')

t.test('each guard has a row on its page', async t => {
  const page = readFileSync('docs/guards.md', 'utf8')
  const rows = [...page.matchAll(/^\| ([a-z, -]+) \|/gm)].flatMap(found => (found[1] ?? '').split(', '))
  const names = new Set(Object.values(GUARDS).flatMap(list => list.map(guard => guard.name)))
  t.same(
    [...names].filter(name => !rows.includes(name)),
    []
  )
})

t.test('reasons, outcomes and problems: code and page are the same, both ways', async t => {
  const page = doc('reasons.md')
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (wait|people|end) \| (.+?) \|$/gm)].map(
    ([, reason = '', disposition = '', sentence = '']) => [reason, disposition, sentence]
  )
  t.same(
    rows.sort(),
    Object.entries(REASONS)
      .map(([reason, { disposition, sentence }]) => [reason, disposition, sentence])
      .sort()
  )
  const listed = (title: string): string[] =>
    [...(page.split(`## ${title}`)[1]?.split('\n## ')[0] ?? '').matchAll(/^\| `([a-z-]+)` \|/gm)].map(found => found[1] ?? '')
  t.same(listed('Outcomes').sort(), Object.keys(OUTCOMES).sort())
  t.same(listed('Problems of a query').sort(), Object.keys(PROBLEMS).sort())
})

t.test('every example of a whole policy file loads', async t => {
  let examples = 0
  for (const name of ['policies.md', 'install.md', 'alertmanager.md', 'channels.md']) {
    for (const [, text = ''] of doc(name).matchAll(/```yaml\n(version: 1\n[\s\S]*?)```/g)) {
      examples += 1
      const result = loadPolicies([{ file: name, text }], VOCABULARY)
      t.equal(result.kind, 'loaded', `${name}: ${result.kind === 'bad' ? JSON.stringify(result.problems) : ''}`)
      t.same(result.kind === 'loaded' ? result.set.warnings : [], [], `${name}: nobody learns from an example that warns`)
    }
  }
  t.ok(examples > 0)
})

t.test('every part of a policy in the pages loads', async t => {
  const around = { kind: 'Deployment', namespace: 'shop', name: 'api' }
  let fragments = 0
  for (const name of ['policies.md', 'metrics.md', ...ACTIONS.map(action => `actions/${action.name}.md`)]) {
    for (const [, text = ''] of doc(name).matchAll(/```yaml fragment\n([\s\S]*?)```/g)) {
      fragments += 1
      const part: unknown = parse(text)
      if (!isObject(part)) throw new Error(`${name}: ${text}`)
      const { verify = [{ promql: 'vector(1)', failWhen: '> 0' }], guards = [], ...rung } = part
      const steps = part['steps'] ?? [{ action: 'rollout-restart', ...rung }]
      const policy = { name: 'p', match: ['a="b"'], target: around, verify, steps }
      const channels = { people: { webhook: { url: 'https://example.org/hook' } } }
      const file = { version: 1, sources: { prometheus: { url: 'http://p:9090' } }, channels, policies: [policy], guards }
      const result = loadPolicies([{ file: name, text: JSON.stringify(file) }], VOCABULARY)
      t.equal(result.kind, 'loaded', `${name}: ${result.kind === 'bad' ? JSON.stringify(result.problems) : ''}`)
      t.same(result.kind === 'loaded' ? result.set.warnings : [], [], `${name}: nobody learns from an example that warns`)
    }
  }
  t.ok(fragments >= 3)
})

t.test('every action has its page, which tells every key of its step and every reason of its own', async t => {
  for (const action of ACTIONS) {
    const page = doc(`actions/${action.name}.md`)
    t.match(page, new RegExp(`^# ${action.name}`))
    for (const title of ['What it does exactly', 'What it refuses', 'RBAC', 'What it cannot undo'])
      t.ok(page.includes(`**${title}.**`), `${action.name}: ${title}`)
    for (const key of Object.keys(action.with.properties)) t.ok(page.includes(`\`${key}\``), `${action.name}: ${key}`)
  }
})

t.test('every channel has its row, with every setting and every event that it is given', async t => {
  const rows = [...doc('channels.md').matchAll(/^\| `([a-z-]+)` \| (.+?) \| (`.+`) \|$/gm)].map(found => found.slice(1))
  t.same(rows.map(([kind]) => kind).sort(), CHANNELS.map(({ name }) => name).sort())
  for (const { name, settings, takes } of CHANNELS) {
    const [, told = '', given = ''] = rows.find(([kind]) => kind === name) ?? []
    for (const key of Object.keys(settings.properties)) t.ok(told.includes(`\`${key}\``), `${name}: ${key}`)
    t.equal(given, takes.map(event => `\`${event}\``).join(', '), name)
  }
  for (const word of [...MESSAGE_EVENTS, ...SUBJECT_KINDS]) t.ok(doc('channels.md').includes(`\`${word}\``), word)
})

t.test('the webhook’s JSON in the page has the fields that are sent', async t => {
  const [, text = ''] = /```json\n([\s\S]*?)```/.exec(doc('channels.md')) ?? []
  const page: unknown = JSON.parse(text)
  const bench = await openBench(t)
  await bench.fire()
  await bench.pass(20 * MINUTE)
  const due = await bench.ledger.claimMessages(bench.clock.now(), bench.clock.now(), 100)
  const message = due.find(queued => queued.message.channel === 'people')?.message
  if (message === undefined) throw new Error('nobody was told')
  const { http, requests } = answering(200)
  const origin = { clusterName: 'prod-eu', externalUrl: 'https://astern.example.org' }
  await webhook
    .open({ url: 'https://example.org' }, channelTools({ http, origin }))
    .send(message, { revision: 1 }, AbortSignal.timeout(5_000))
  const sent: unknown = JSON.parse(requests[0]?.body ?? '{}')
  for (const path of [[], ['subject'], ['details'], ['details', 'alert']])
    t.same(Object.keys(objectAt(page, ...path)), Object.keys(objectAt(sent, ...path)), path.join('.'))
  for (const field of ['version', 'event', 'title', 'severity', 'labels', 'revision']) t.same(at(page, field), at(sent, field), field)
  t.equal(at(page, 'clusterName'), at(sent, 'clusterName'))
  for (const [label, text] of Object.entries(objectAt(page, 'facts'))) t.equal(at(sent, 'facts', label), text, label)
})

t.test('every dependency has its line', async t => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>
    devDependencies: Record<string, string>
  }
  const listed = [...doc('dependencies.md').matchAll(/^\| `([^`]+)` \|/gm)].map(found => found[1])
  t.same(listed.sort(), [...Object.keys(dependencies), ...Object.keys(devDependencies)].sort())
})

t.test('every promise has a mutation, and the page tells every mutation', async t => {
  const page = doc('promises.md')
  for (let promise = 1; promise <= 14; promise += 1)
    t.ok(
      MUTATIONS.some(mutation => mutation.breaks === `Promise ${promise}`),
      `promise ${promise}`
    )
  for (const mutation of MUTATIONS) {
    t.ok(page.includes(`| \`${mutation.test}\`: ${mutation.name} | ${mutation.what} |`), 'run `npm run promises`')
    t.equal(readFileSync(mutation.file, 'utf8').split(mutation.from).length, 2, `${mutation.file} has this once: ${mutation.from}`)
    t.ok(readFileSync(mutation.test, 'utf8').includes(`t.test('${mutation.name}`), `${mutation.test} has ${mutation.name}`)
  }
})

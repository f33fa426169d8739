import t from 'tap'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { MINUTE } from '../../../src/base/clock.ts'
import { wantedAlerts, watchdogMatcher } from '../../../src/policies/blind.ts'
import { loadPolicies } from '../../../src/policies/load.ts'

function load(...files: readonly string[]) {
  return loadPolicies(
    files.map((text, index) => ({ file: `${index}.yaml`, text })),
    VOCABULARY
  )
}

function problems(text: string): readonly string[] {
  const result = load(text)
  return result.kind === 'bad' ? result.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`) : []
}

const CHANNELS = 'channels: { people: { alertmanager: { url: "http://a" } } }'

t.test('what is not said is off, and those are told whom a policy tells by default', async t => {
  const result = load(`version: 1\n${CHANNELS}\ndefaults: { escalate: { to: [people] } }\npolicies: []\n`)
  t.match(result, { kind: 'loaded', set: { blind: { to: ['people'] } } })
  if (result.kind === 'bad') throw new Error('it loads')
  t.same(result.set.blind, { to: ['people'], byDefault: true })
  t.equal(result.set.heartbeat, undefined)
  t.equal(watchdogMatcher(undefined)({ alertname: 'Watchdog' }, 'am'), false, 'a Watchdog is an alert like any other')
})

t.test('defaults of what is said', async t => {
  const text = `version: 1
sources: { alertmanager: { url: "http://a" } }
${CHANNELS}
blind: { to: [people], watchdog: {}, deliveries: { receiver: astern } }
heartbeat: { urlFile: /url }
policies: []
`
  t.match(load(text), {
    set: {
      blind: {
        to: ['people'],
        watchdog: { match: ['alertname="Watchdog"'], within: 10 * MINUTE },
        deliveries: { receiver: 'astern', within: 15 * MINUTE }
      },
      heartbeat: { urlFile: '/url', method: 'GET', every: MINUTE }
    }
  })
})

t.test('what cannot be meant is told with its place', async t => {
  t.same(problems(`version: 1\n${CHANNELS}\nblind: { to: [peeple] }\npolicies: []\n`), [
    '3 blind.to[0]: there is no channel "peeple"; did you mean "people"?'
  ])
  t.same(problems('version: 1\nblind: { deliveries: { receiver: a } }\npolicies: []\n'), [
    '2 blind.deliveries: needs sources.alertmanager, which is asked what it holds'
  ])
  t.match(problems('version: 1\nblind: { watchdog: { match: ["Watchdog"] } }\npolicies: []\n'), [
    /^2 blind.watchdog.match\[0\]: .* is not a matcher/
  ])
  t.match(problems('version: 1\nheartbeat: { url: "https://a" }\npolicies: []\n'), [/"urlFile" is missing/, /unknown key "url"/])
  const twice = load('version: 1\nheartbeat: { urlFile: a }\npolicies: []\n', 'version: 1\nheartbeat: { urlFile: b }\npolicies: []\n')
  t.match(twice, { kind: 'bad', problems: [{ message: '"heartbeat" is said in another file already' }] })
})

t.test('a Watchdog is known by all of its matchers, and by its source', async t => {
  const isWatchdog = watchdogMatcher({ match: ['alertname="Watchdog"', 'cluster=~"prod-.*"'], source: 'prod', within: 1 })
  t.equal(isWatchdog({ alertname: 'Watchdog', cluster: 'prod-eu' }, 'prod'), true)
  t.equal(isWatchdog({ alertname: 'Watchdog', cluster: 'test' }, 'prod'), false)
  t.equal(isWatchdog({ alertname: 'Watchdog', cluster: 'prod-eu' }, 'stranger'), false, 'who else may post alerts cannot keep Astern quiet')
})

t.test('the alerts that policies wait for by name', async t => {
  t.same([...(wantedAlerts([{ match: ['alertname="A"'] }, { match: ['alertname=~"B|C"', 'x="y"'] }]) ?? [])], ['A', 'B', 'C'])
  t.equal(wantedAlerts([{ match: ['alertname="A"'] }, { match: ['severity="page"'] }]), undefined, 'one waits for any')
})

import t from 'tap'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { loadPolicies } from '../../../src/policies/load.ts'

const load = (people: unknown, answers: unknown = { appTokenFile: '/app-token' }) =>
  loadPolicies(
    [
      {
        file: 'p.yaml',
        text: JSON.stringify({
          version: 1,
          channels: { ops: { slack: { tokenFile: '/token', channel: '#ops', ...(answers === undefined ? {} : { answers }) } } },
          ...(people === undefined ? {} : { people }),
          policies: []
        })
      }
    ],
    VOCABULARY
  )

const ada = { slack: 'T024BE7LD/U0G9QF9C6', name: 'Ada', role: 'operator' }

t.test('a person is a team id and a user id, once; names and addresses are none', async t => {
  t.match(load([ada]), { kind: 'loaded', set: { people: [ada], warnings: [] } })
  for (const slack of ['ada', '@ada', 'ada@example.org', 'U0G9QF9C6', 'T024BE7LD/ada', 'T024BE7LD/*', 'T024BE7LD/U0G9QF9C6\n'])
    t.match(load([{ ...ada, slack }]), { kind: 'bad', problems: [{ path: 'people[0].slack' }] }, slack)
  t.match(load([{ ...ada, role: 'webhook' }]), { kind: 'bad', problems: [{ path: 'people[0].role' }] })
  t.match(load([ada, { ...ada, name: 'Bob', role: 'viewer' }]), {
    kind: 'bad',
    problems: [{ path: 'people[1].slack', message: /stands in people\[0\] already/ }]
  })
})

t.test('buttons that nobody may press are warned of, and both ways, or none, are refused', async t => {
  t.match(load(undefined), { kind: 'loaded', set: { warnings: [{ message: /nobody may press/ }] } })
  t.match(load([{ ...ada, role: 'viewer' }]), { kind: 'loaded', set: { warnings: [{ message: /nobody may press/ }] } })
  t.match(load(undefined, undefined), { kind: 'loaded', set: { warnings: [] } })
  t.match(load([ada], {}), { kind: 'bad', problems: [{ path: 'channels.ops.slack.answers' }] })
  t.match(load([ada], { appTokenFile: 'a', signingSecretFile: 'b' }), { kind: 'bad' })
})

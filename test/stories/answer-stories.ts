import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { JsonObject } from '../../src/base/json.ts'
import { slackImitation } from '../support/people-imitation.ts'
import { formOf, pressOf, SECRET, signedBy } from '../support/slack-press.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, waitUntil } from '../support/world/world.ts'

/** Astern restarts the target, which does not help. Before the next rung somebody presses “I’ve got this”: nothing more is written. */
export async function pressed(t: Test, site: Site, namespace: string): Promise<void> {
  const slack = await slackImitation(t)
  const folder = mkdtempSync(join(tmpdir(), 'astern-slack-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const settings = {
    tokenFile: file('token', 'xoxb-token'),
    channel: '#api-incidents',
    apiUrl: slack.origin,
    answers: { signingSecretFile: file('secret', SECRET) }
  }
  const world = await openWorld(t, site, namespace, {
    policies: [
      storyPolicy(namespace, {
        steps: [
          { action: 'rollout-restart', confirm: { within: '30s', passes: 2, every: '1s' } },
          { action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: '80s', passes: 2, every: '1s' } }
        ],
        escalate: { after: '2m', to: ['people', 'incidents'] }
      })
    ],
    channels: () => ({ incidents: { slack: settings } }),
    people: [{ slack: 'T0/UADA', name: 'Ada', role: 'operator' }]
  })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  const first = (): JsonObject | undefined => slack.texts.get('1764338400.000001')
  await waitUntil(async () => JSON.stringify(first() ?? {}).includes('astern.take'), 'a message with buttons about the write')

  const run = await world.untilRun(() => true, 'the run')
  const body = formOf(pressOf({}, { value: run['id'] }))
  const { timestamp, signature } = signedBy(SECRET, body, Date.now())
  const answer = await fetch(`http://${world.flags.listen}/webhooks/slack/incidents`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': signature
    },
    body
  })
  t.equal(answer.status, 200)
  await waitUntil(async () => JSON.stringify(first()).includes('Who has it: Ada'), 'the message says who has it')
  t.notMatch(JSON.stringify(first()), /astern\.take|astern\.stop/)

  const over = await world.untilRun(ended, 'the run ends')
  t.match(over, { outcome: 'ineffective', handedOver: { by: 'Ada' } })
  t.equal(world.proxy.deploymentWrites().length, 1, 'the restart, and nothing after it')
  t.notOk(
    world.people.some(message => message.event === 'needs-people'),
    'nobody is called for what somebody has'
  )
  t.match(JSON.stringify(first()), /Who has it: Ada/, 'and that stands there at the end')
}

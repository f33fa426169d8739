import t, { type Test } from 'tap'
import { listAt, objectAt, textAt } from '../../../src/base/json.ts'
import { teams } from '../../../src/notify/teams/teams.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { channelTools, MESSAGE } from '../../support/channel-tools.ts'
import { serve } from '../../support/channels/stand-in.ts'
import { TEAMS_PATH, teams as workflowOfTeams } from '../../support/channels/teams.ts'

const soon = () => AbortSignal.timeout(5_000)

async function scene(t: Test) {
  const workflow = workflowOfTeams()
  const server = await serve(t, workflow)
  const http = createHttpClient()
  t.teardown(() => http.close())
  const readFile = async () => `${server.origin}${TEAMS_PATH}`
  return { server, failedInside: workflow.failedInside, channel: teams.open({ urlFile: '/url' }, channelTools({ http, readFile })) }
}

t.test('a card that the workflow can post, to the URL byte for byte', async t => {
  const { server, failedInside, channel } = await scene(t)
  t.same(await channel.send({ ...MESSAGE, text: 'a\n\nb' }, { revision: 1 }, soon()), { kind: 'delivered' })
  t.match(server.seen[0]?.body, { type: 'message', attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive' }] })
  t.same(await channel.send({ ...MESSAGE, event: 'update' }, { revision: 2 }, soon()), { kind: 'delivered' })
  t.equal(server.seen.length, 1, 'a card that was posted cannot be changed')
  t.same(failedInside, [])
})

t.test('however long the alert, the card is within what the workflow takes', async t => {
  const { failedInside, channel } = await scene(t)
  const long = '漢字\n'.repeat(30_000)
  const monster = {
    ...MESSAGE,
    title: long,
    text: long,
    labels: { alertname: long },
    details: { target: long, reverse: long, targets: Array(200).fill(long) }
  }
  t.match(await channel.send(monster, { revision: 1 }, soon()), { kind: 'delivered' })
  t.same(failedInside, [])
})

t.test('an alert is text in the card: no Markdown, no mention, and only links that are pages', async t => {
  const { server, channel } = await scene(t)
  const evil = '[Runbook](https://evil.example) <at>everyone</at> **x**'
  const alert = { generatorURL: 'javascript:alert(1)', runbook: 'https://runbooks.example.org/a?b=c' }
  await channel.send({ ...MESSAGE, title: evil, text: evil, details: { target: evil, alert } }, { revision: 1 }, soon())
  const card = objectAt(server.seen[0]?.body, 'attachments', 0, 'content')
  t.same([...new Set(listAt(card, 'body').map(element => textAt(element, 'type')))], ['RichTextBlock'], 'the others read Markdown')
  t.same(listAt(card, 'actions'), [{ type: 'Action.OpenUrl', title: 'Runbook', url: 'https://runbooks.example.org/a?b=c' }])
  t.notOk('entities' in objectAt(card, 'msteams'))
})

t.test('429 and a workflow that is off are waited for; what is wrong with the card is final', async t => {
  const { server, channel } = await scene(t)
  server.next.push({ status: 429, headers: { 'retry-after': '9' } }, { status: 404 }, { status: 413 })
  const sent = () => channel.send(MESSAGE, { revision: 1 }, soon())
  t.match(await sent(), { kind: 'failed', retryAfterMs: 9_000 })
  t.match(await sent(), { kind: 'failed' })
  t.match(await sent(), { kind: 'refused' })
})

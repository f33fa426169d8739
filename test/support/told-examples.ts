import type { Message } from '../../src/domain/message.ts'
import { mailText } from '../../src/notify/email/text.ts'
import { factsOf } from '../../src/notify/facts.ts'
import { pagerduty } from '../../src/notify/pagerduty/pagerduty.ts'
import { slackText } from '../../src/notify/slack/blocks.ts'
import { teamsMessage } from '../../src/notify/teams/card.ts'
import { answering, channelTools } from './channel-tools.ts'

/** People are handed an affair: Astern wrote, and it did not help. */
const HANDED: Message = {
  key: '0mi8k2x/ineffective/incidents',
  channel: 'incidents',
  subject: { kind: 'run', id: '0mi8k2x' },
  event: 'needs-people',
  title: 'Deployment/shop/api: HighErrorRatio: ineffective',
  text: 'Written, not recovered, and the ladder is used up.\nerror ratio fails since 11:58:40',
  severity: 'critical',
  runId: '0mi8k2x',
  labels: { alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api' },
  details: {
    run: '0mi8k2x',
    policy: 'api-5xx-after-deploy',
    target: 'Deployment/shop/api',
    outcome: 'ineffective',
    wrote: true,
    symptom: { since: '2026-03-01T11:58:40.000Z', orBefore: false, queries: ['error ratio'] },
    lastSample: { verdict: 'fail', queries: [{ query: 'error ratio', value: 0.12 }] },
    changed: {
      at: '2026-03-01T11:55:02.000Z',
      by: 'helm',
      differs: ['image of api: registry.example.org/api:v1 → registry.example.org/api:v2'],
      release: 'shop/api, revision 7',
      markers: [
        { version: 'v2', commit: '4f2c9e1', author: 'ann', url: 'https://git.example.org/shop/api/commit/4f2c9e1', by: 'shop-pipeline' }
      ]
    },
    reverse: 'kubectl -n shop rollout undo deployment/api --to-revision=2',
    alert: {
      startsAt: '2026-03-01T12:00:00.000Z',
      generatorURL: 'http://prometheus:9090/graph',
      runbook: 'https://runbooks.example.org/api-5xx'
    }
  }
}

const ORIGIN = { clusterName: 'prod-eu', externalUrl: 'https://astern.example.org' }

/** The page that shows what arrives in each channel for the same affair, made by the channels themselves. */
export async function toldExamples(): Promise<string> {
  const facts = factsOf(HANDED, ORIGIN)
  const { http, requests } = answering(202)
  const tools = channelTools({ http, origin: ORIGIN, readFile: async () => '(the routing key)' })
  await pagerduty.open({ routingKeyFile: '/key' }, tools).send(HANDED, { revision: 1 }, AbortSignal.timeout(1_000))
  const json = (value: unknown): string => `\`\`\`jsonc\n${JSON.stringify(value, undefined, 2)}\n\`\`\``
  const page: unknown = JSON.parse(requests[0]?.body ?? '{}')
  return `# What arrives

The same affair in each channel: Astern wrote, it did not help, and people are called. A test makes this page by the channels themselves
(\`npm run told\`). What the channels are: [channels.md](channels.md).

## Mail

\`\`\`text
${mailText(facts, HANDED.event)}
\`\`\`

## Slack

${json(slackText(facts, HANDED.event))}

## PagerDuty

${json(page)}

## Microsoft Teams

${json(teamsMessage(facts, HANDED.event))}
`
}

import fc from 'fast-check'
import t from 'tap'
import { at, isObject, type JsonObject, listAt, objectAt, textAt } from '../../../src/base/json.ts'
import { MESSAGE_EVENTS, type Message } from '../../../src/domain/message.ts'
import { StoryClock } from '../../support/bench.ts'
import { MESSAGE } from '../../support/channel-tools.ts'
import { EVERYWHERE, everywhere } from '../../support/channels/everywhere.ts'
import { seeded } from '../../support/seed.ts'

/** What alerts tried on others: mentions, forged links, Markdown, HTML, headers, cards, terminals, and text that reads backwards. */
const PIECES = [
  '<!channel>',
  '<!here|here>',
  '<@U012AB3CD>',
  '@everyone',
  '<https://evil.example|Runbook>',
  '[Runbook](https://evil.example)',
  '<a href="https://evil.example">Runbook</a>',
  '<at>everyone</at>',
  '```',
  '`',
  '*bold*',
  '&lt;!channel&gt;',
  '\r\nBcc: evil@example.org\r\n',
  '\r\n\r\n.\r\nMAIL FROM:<evil@example.org>\r\n',
  '"}],"actions":[{"type":"Action.Submit"}],"x":[{"y":"',
  '{{ labels.alertname }}',
  '%0d%0aBcc: evil@example.org',
  '\u202e\u2066',
  '\u001b]8;;https://evil.example\u0007',
  '\u0000',
  '\ud800',
  '\u2028',
  '𝛼',
  '=?utf-8?q?x?='
] as const

/** A text, told by its pieces: a failure then says no more than it must. */
interface Said {
  readonly pieces: readonly string[]
  /** How often, where it is to be longer than any provider takes. */
  readonly times: number
}

const said: fc.Arbitrary<Said> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      pieces: fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 8 }),
      times: fc.constant(1)
    })
  },
  { weight: 1, arbitrary: fc.record({ pieces: fc.constantFrom(...PIECES).map(piece => [piece]), times: fc.constant(60_000) }) }
)
const textOf = ({ pieces, times }: Said): string => pieces.join('').repeat(times)

const PAGES = [
  'javascript:alert(1)',
  'https://user:pass@evil.example/',
  'https://p/<!here>|x',
  'data:text/html,x',
  'https://runbooks.example.org/a?b=c&d'
]

const alerts = fc.record({
  event: fc.constantFrom(...MESSAGE_EVENTS),
  title: said,
  text: said,
  alertname: said,
  namespace: said,
  policy: said,
  reverse: said,
  repair: said,
  targets: fc.array(said, { maxLength: 3 }),
  links: fc.array(fc.oneof(said, fc.constantFrom(...PAGES)), { minLength: 2, maxLength: 2 })
})

function messageOf({
  event,
  title,
  text,
  targets,
  links,
  ...rest
}: typeof alerts extends fc.Arbitrary<infer Alert> ? Alert : never): Message {
  const [generatorURL, runbook] = links.map(link => (typeof link === 'string' ? link : textOf(link)))
  const labels = { alertname: textOf(rest.alertname), namespace: textOf(rest.namespace), team: textOf(rest.policy) }
  const written = { policy: textOf(rest.policy), reverse: textOf(rest.reverse), repair: textOf(rest.repair) }
  return {
    ...MESSAGE,
    key: `k/${textOf(title).slice(0, 5)}`,
    event,
    // Astern's own words come first.
    title: `T ${textOf(title)}`,
    text: textOf(text),
    labels,
    details: { ...MESSAGE.details, ...written, targets: targets.map(textOf), alert: { generatorURL, runbook } }
  }
}

t.test('whatever an alert says is text in every channel: it mentions nobody, forges no link, and breaks no message', async t => {
  const fuzzed = everywhere(new StoryClock(), { clusterName: 'prod', externalUrl: 'https://astern.example.org' })
  let looked = 0
  await fc.assert(
    fc.asyncProperty(alerts, fc.constantFrom(...EVERYWHERE), async (alert, where) => {
      const message = messageOf(alert)
      const heard: unknown[] = []
      fuzzed.heard = (_name, sent) => heard.push(sent)
      const memory = { triggered: true }
      const result = await fuzzed.channels.get(where)?.send(message, { revision: 1, memory }, AbortSignal.timeout(60_000))
      if (result?.kind !== 'delivered') throw new Error(`${where}: ${JSON.stringify(result)}`)
      for (const sent of heard) LOOKS[where](sent)
      looked += heard.length
    }),
    { ...seeded(15), numRuns: 1_000 }
  )
  t.ok(looked > 700, `${looked} messages`)
})

function must(condition: boolean, why: string, what: unknown): void {
  if (!condition) throw new Error(`${why}: ${JSON.stringify(what)?.slice(0, 2_000)}`)
}

/** What moves a cursor, turns the writing, or cannot be seen. */
const UNSEEN = /(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/u

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (Array.isArray(value)) for (const part of value) yield* textsIn(part)
  else if (isObject(value)) for (const part of Object.values(value)) yield* textsIn(part)
}

function seen(value: unknown): void {
  for (const one of textsIn(value)) must(!UNSEEN.test(one) && one.isWellFormed(), 'what cannot be seen', one)
}

const OWN_LINK = /<https?:\/\/[^<>|\s]+\|(Astern’s record|Query|Runbook)>/g

function slackLooks(sent: unknown): void {
  seen(sent)
  const blocks = listAt(sent, 'blocks')
  const mrkdwn = blocks.flatMap(block => [objectAt(block, 'text'), ...listAt(block, 'elements')]).filter(isMrkdwn)
  for (const one of [textAt(sent, 'text') ?? '', ...mrkdwn.map(part => textAt(part, 'text') ?? '')]) {
    must(!/[<>]/.test(one.replaceAll(OWN_LINK, '')), 'a mention or a link', one)
    must(one === textAt(sent, 'text') || [1, 3].includes(one.split('```').length), 'a code block that ends early', one)
  }
  must(isObject(sent) && sent['link_names'] !== true && sent['parse'] !== 'full', 'names become mentions', sent)
}

function isMrkdwn(part: unknown): boolean {
  return textAt(part, 'type') === 'mrkdwn'
}

const LOOKS: Readonly<Record<(typeof EVERYWHERE)[number], (sent: unknown) => void>> = {
  bot: slackLooks,
  incoming: slackLooks,
  teams(sent) {
    seen(sent)
    const card = objectAt(sent, 'attachments', 0, 'content')
    const body = listAt(card, 'body')
    must(
      body.every(element => textAt(element, 'type') === 'RichTextBlock'),
      'the others read Markdown',
      body
    )
    const runs = body.flatMap(element => listAt(element, 'inlines'))
    must(
      runs.every(run => textAt(run, 'type') === 'TextRun' && !('selectAction' in objectAt(run))),
      'a run that does something',
      runs
    )
    must(
      listAt(card, 'actions').every(action => textAt(action, 'type') === 'Action.OpenUrl' && isPage(textAt(action, 'url'))),
      'an action',
      card
    )
    must(JSON.stringify(Object.keys(objectAt(card, 'msteams'))) === '["width"]', 'a mention', card)
  },
  mail(sent) {
    const { subject, text, headers, messageId, to } = sent as JsonObject
    seen([subject, text])
    for (const one of textsIn([subject, headers, messageId, to])) must(!/[\r\n\0]/.test(one), 'another header', one)
    must(JSON.stringify(to) === '["api@example.org"]', 'another recipient', to)
  },
  pager(sent) {
    const { payload, links } = sent as JsonObject
    const { custom_details: shown, ...rest } = objectAt(payload)
    const { details: _raw, ...facts } = objectAt(shown)
    seen([rest, facts])
    must(
      listAt({ links }, 'links').every(link => isPage(textAt(link, 'href'))),
      'a link that is no page',
      links
    )
  },
  alertmanager(sent) {
    for (const alert of listAt({ sent }, 'sent')) {
      const { summary, description, runbook_url: runbook } = objectAt(alert, 'annotations')
      seen([summary, description, runbook])
      must(runbook === undefined || /^https?:/.test(String(runbook)), 'a page', runbook)
      must(at(alert, 'generatorURL') === 'https://astern.example.org/api/v1/runs/run-1', 'a link of its own', alert)
      const names = Object.keys(objectAt(alert, 'labels')).sort().join()
      must(names === 'alertname,astern_alertname,astern_message,astern_outcome,namespace,severity,team', 'labels of its own', names)
      must(textAt(alert, 'labels', 'alertname') === 'AsternNeedsPeople', 'the alert’s name', alert)
    }
  },
  tool(sent) {
    const names = Object.keys(objectAt(sent)).sort().join()
    must(/^channel,clusterName,details,event,facts,(incidentId,)?key,labels,links,revision,/.test(names), 'keys of its own', names)
    seen([objectAt(sent, 'facts'), listAt(sent, 'links')])
  },
  'kubernetes-event'(sent) {
    seen(textAt(sent, 'note'))
    must(textAt(sent, 'regarding', 'name') === 'api', 'another object', sent)
  }
}

function isPage(url: string | undefined): boolean {
  return url !== undefined && /^https?:\/\/[^\s<>]+$/.test(url) && new URL(url).password === ''
}

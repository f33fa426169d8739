import { isObject, listAt, textAt } from '../base/json.ts'
import type { Message, MessageEvent } from '../domain/message.ts'
import { clean, cutTo, oneLine } from './cut.ts'

/** Whose messages these are, and where more can be read. */
export interface Origin {
  readonly clusterName?: string
  /** Where people reach Astern. */
  readonly externalUrl?: string
}

/** The links that a message may have, by the texts that people see. */
export const LINKS = { record: 'Astern’s record', query: 'Query', runbook: 'Runbook', change: 'Change (according to CI)' } as const

export interface Link {
  readonly text: (typeof LINKS)[keyof typeof LINKS]
  readonly url: string
}

/** One fact for people. `code` is to be copied as it is. */
export interface Line {
  readonly label: string
  readonly text: string
  readonly code?: true
}

/**
 * What a message says, the same in every channel. All of it is plain text: each channel escapes it for its own place, because labels
 * and annotations come from outside.
 */
export interface Facts {
  readonly title: string
  readonly text: string
  readonly lines: readonly Line[]
  readonly links: readonly Link[]
}

/** How much of one value is shown, characters. The rest is behind the link. */
const LONGEST_VALUE = 300
/** Commands must be whole, or they are none. A longer one is left out. */
const LONGEST_COMMAND = 1_200
const LONGEST_TITLE = 250
/** More than any channel shows. */
const LONGEST_TEXT = 10_000
/** How many targets of a storm are listed. */
const LISTED = 20
/** How many differences of two versions are listed. */
const LISTED_PARTS = 5

/** Reads the facts out of a message. */
export function factsOf(message: Message, origin: Origin = {}): Facts {
  const { details } = message
  const commands = ['repair', 'reverse'].flatMap(name => textAt(details, name) ?? []).map(clean)
  return {
    title: cutTo(
      oneLine(`${origin.clusterName === undefined ? '' : `[${origin.clusterName}] `}${message.title.slice(0, LONGEST_TEXT)}`),
      LONGEST_TITLE
    ),
    // Commands have a place of their own, where they can be copied.
    text: clean(cutTo(message.text, LONGEST_TEXT))
      .split('\n')
      .filter(line => !commands.some(command => line.endsWith(command)))
      .join('\n'),
    lines: [
      ...toldLines(message),
      ...commandLine('To repair it', textAt(details, 'repair')),
      ...commandLine('To undo what was written', textAt(details, 'reverse')),
      { label: 'What happens next', text: nextOf(message) },
      ...todo(message)
    ],
    links: linksOf(message, origin)
  }
}

/** The facts by their labels, for those who read them as data. What has one label more than once stands there together. */
export function byLabel(lines: readonly Line[]): Readonly<Record<string, string>> {
  const all = Map.groupBy(lines, ({ label }) => label)
  return Object.fromEntries([...all].map(([label, same]) => [label, same.map(({ text }) => text).join('; ')]))
}

function toldLines({ details, labels }: Message): Line[] {
  const alert = labels['alertname']
  return [
    ...line('Alert', alert),
    ...line('Target', textAt(details, 'target')),
    ...line('Failing since', sinceOf(details)),
    ...line('Blind since', textAt(details, 'blindSince')),
    ...line('Outcome', outcomeOf(details)),
    ...line('Policy', textAt(details, 'policy')),
    ...line('Who has it', whoHasIt(details)),
    ...line('Changed', changedOf(details)),
    ...listAt(details, 'changed', 'markers').flatMap(marker => line('Deployed', markerOf(marker))),
    ...line('Written', textAt(details, 'plan')),
    ...line('Numbers', numbersOf(details)),
    ...line('Targets', targetsOf(details)),
    ...line('Run', textAt(details, 'run'))
  ]
}

/** What the reader may count on. */
const NEXT: Readonly<Record<MessageEvent, string>> = {
  acted: 'Astern watches whether it helps, and says how it ended.',
  'needs-people': 'Astern writes nothing more for this. It says when the alert is over.',
  approval: 'Nothing is written until somebody decides.',
  update: 'Astern writes nothing more for this. It says when the alert is over.',
  over: 'Nothing.'
}

/** A blindness is nobody’s alert: nothing is written for it, and it ends when Astern sees again. */
function nextOf({ subject, event }: Message): string {
  return subject.kind === 'blind' && event !== 'over' ? 'Astern goes on with what it sees, and says when it sees again.' : NEXT[event]
}

function todo({ subject, event, details }: Message): Line[] {
  const text = (): string | undefined => {
    switch (event) {
      case 'needs-people':
      case 'update':
        if (subject.kind === 'blind') return textAt(details, 'todo')
        if (textAt(details, 'repair') !== undefined) return 'Run the command that repairs it, then look at the target.'
        return details['wrote'] === true
          ? 'Look at the target. If what Astern wrote made it worse, undo it.'
          : 'Look at the target: Astern left it as it is.'
      case 'approval':
        return 'Approve or reject it.'
      case 'acted':
      case 'over':
        return undefined
    }
  }
  return line('What you should do now', text())
}

function line(label: string, text: string | undefined): Line[] {
  // Cut first: a label may be megabytes long.
  return text === undefined || text === '' ? [] : [{ label, text: cutTo(oneLine(text.slice(0, LONGEST_TEXT)), LONGEST_VALUE) }]
}

function commandLine(label: string, command: string | undefined): Line[] {
  if (command === undefined || command === '') return []
  const whole = clean(command)
  return whole.length <= LONGEST_COMMAND ? [{ label, text: whole, code: true }] : [{ label, text: 'too long to show: see astern runs' }]
}

function sinceOf(details: Message['details']): string | undefined {
  const measured = textAt(details, 'symptom', 'since')
  if (measured !== undefined) return `${measured} (measured)`
  const said = textAt(details, 'alert', 'startsAt')
  return said === undefined ? undefined : `${said} (as the alert says)`
}

function whoHasIt(details: Message['details']): string | undefined {
  const by = textAt(details, 'handedOver', 'by')
  return by === undefined ? undefined : `${by}, since ${textAt(details, 'handedOver', 'at') ?? ''}`
}

function outcomeOf(details: Message['details']): string | undefined {
  const outcome = textAt(details, 'outcome')
  const reason = textAt(details, 'reason')
  return outcome === undefined || reason === undefined ? outcome : `${outcome} (${reason})`
}

/** The last numbers that were measured, each with the query’s name. */
function numbersOf(details: Message['details']): string | undefined {
  const queries = listAt(details, 'lastSample', 'queries').flatMap(query => {
    if (!isObject(query)) return []
    const value = query['value']
    return typeof value === 'number' || typeof value === 'string' ? [`${textAt(query, 'query') ?? 'query'} = ${value}`] : []
  })
  return queries.length === 0 ? textAt(details, 'lastSample', 'verdict') : queries.join(', ')
}

/** What the cluster shows of the change. */
function changedOf(details: Message['details']): string | undefined {
  const differs = listAt(details, 'changed', 'differs').filter(part => typeof part === 'string')
  const more = differs.length - LISTED_PARTS
  const [at, by, release] = ['at', 'by', 'release'].map(name => textAt(details, 'changed', name))
  const told = [
    `${differs.slice(0, LISTED_PARTS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    release === undefined ? '' : `release ${release}`,
    at === undefined ? '' : `at ${at}`,
    by === undefined ? '' : `by ${by}`
  ]
  return told.filter(part => part !== '').join(', ')
}

/** What CI claimed. It is told as a claim: nobody but the holder of that token vouches for it. */
function markerOf(marker: unknown): string | undefined {
  const [by, version, commit, author] = ['by', 'version', 'commit', 'author'].map(name => textAt(marker, name))
  if (version === undefined) return undefined
  const claimed = [`version ${version}`, commit === undefined ? '' : `commit ${commit}`, author === undefined ? '' : `author ${author}`]
  return `according to ${by ?? 'CI'}: ${claimed.filter(part => part !== '').join(', ')}`
}

/** A marker’s link is https, or none: it comes from whoever holds a deployer’s token. */
function markerLink(marker: unknown): Link[] {
  const url = textAt(marker, 'url')
  return url !== undefined && /^https:\/\//i.test(url) ? link(LINKS.change, url) : []
}

function targetsOf(details: Message['details']): string | undefined {
  const targets = listAt(details, 'targets').filter(target => typeof target === 'string')
  if (targets.length === 0) return undefined
  const more = targets.length - LISTED
  return `${targets.slice(0, LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function linksOf({ runId, details }: Message, { externalUrl }: Origin): Link[] {
  const base = externalUrl?.replace(/\/+$/, '')
  return [
    ...link(LINKS.record, base === undefined || runId === undefined ? undefined : `${base}/api/v1/runs/${encodeURIComponent(runId)}`),
    ...link(LINKS.query, textAt(details, 'alert', 'generatorURL')),
    ...link(LINKS.runbook, textAt(details, 'alert', 'runbook')),
    ...listAt(details, 'changed', 'markers').flatMap(marker => markerLink(marker))
  ]
}

/** Only what a browser opens as a page: a link that an alert brings must not run anything. Longer ones are no pages. */
function link(text: Link['text'], url: string | undefined): Link[] {
  if (url === undefined || url.length > 2_000 || !/^https?:\/\//i.test(url) || !URL.canParse(url)) return []
  const parsed = new URL(url)
  return parsed.username !== '' || parsed.password !== '' ? [] : [{ text, url: parsed.href }]
}

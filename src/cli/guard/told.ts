import { at, listAt, numberAt, textAt } from '../../base/json.ts'
import { ciText } from './plain-text.ts'

// What a server tells of a guard, as far as the command shows it. A newer server may know other words; a text may come from a pod.
// So every text is made safe right here, where it is read, and nothing is taken for granted.

export interface ToldTally {
  readonly requests: number
  readonly bad: number
}

export interface ToldPart {
  readonly name: string
  readonly metric: string
  readonly old: ToldTally
  readonly new: ToldTally
  readonly ratio?: { readonly estimate?: number; readonly lower: number; readonly upper?: number }
  readonly tolerated: string
  readonly proven?: string
  readonly toFail: number
  readonly toPass: number
}

export interface ToldVersion {
  readonly revision?: number
  readonly images: readonly string[]
  readonly changedAt?: string
}

export interface ToldRun {
  readonly id: string
  readonly state: string
  readonly wrote: boolean
  readonly outcome?: string
  readonly reason?: string
  readonly sentence?: string
  readonly detail?: string
}

export interface ToldStanding {
  readonly kind: string
  readonly awaits?: string
  readonly because?: string
  readonly compared: string
  readonly guarantee?: string
  readonly seconds: number
  readonly parts: readonly ToldPart[]
  readonly notes: readonly string[]
  readonly first: string
}

/** A metric that decides nothing: its number, or why there is none. */
export interface ToldReported {
  readonly name: string
  readonly value?: number
  readonly why?: string
}

export interface Told {
  readonly id: string
  readonly target: string
  readonly state: string
  readonly onFail: string
  readonly dryRun: boolean
  readonly entry?: { readonly name: string; readonly mode: string }
  readonly version?: ToldVersion & { readonly replaces?: ToldVersion }
  readonly said: readonly string[]
  readonly standing?: ToldStanding
  readonly reported: readonly ToldReported[]
  readonly failing?: string
  readonly awaits?: string
  readonly run?: ToldRun
  readonly result?: string
  readonly sentence?: string
  readonly detail?: string
}

/** More of one kind are not shown. */
const LISTED = 50

/** Reads a guard as the API shows it. */
export function toldOf(value: unknown): Told {
  const run = textAt(value, 'run', 'id')
  return {
    id: ciText(textAt(value, 'id')),
    target: ciText(textAt(value, 'target')),
    state: ciText(textAt(value, 'state')),
    onFail: ciText(textAt(value, 'options', 'onFail')),
    dryRun: at(value, 'options', 'dryRun') === true,
    ...(at(value, 'entry') === undefined
      ? {}
      : { entry: { name: ciText(textAt(value, 'entry', 'name')), mode: ciText(textAt(value, 'entry', 'mode')) } }),
    ...(at(value, 'version') === undefined ? {} : { version: versionOf(at(value, 'version')) }),
    said: texts(value, 'said'),
    ...(at(value, 'standing') === undefined ? {} : { standing: standingOf(at(value, 'standing')) }),
    reported: listAt(value, 'reported').slice(0, LISTED).map(reportedOf),
    ...maybe(value, 'failing'),
    ...maybe(value, 'awaits'),
    ...(run === undefined ? {} : { run: runOf(at(value, 'run'), run) }),
    ...maybe(value, 'result'),
    ...maybe(value, 'sentence'),
    ...maybe(value, 'detail')
  }
}

function maybe<Name extends string>(value: unknown, name: Name): { readonly [Key in Name]?: string } {
  const found = textAt(value, name)
  const told: { [Key in Name]?: string } = {}
  if (found !== undefined) told[name] = ciText(found)
  return told
}

function texts(value: unknown, name: string): readonly string[] {
  return listAt(value, name).slice(0, LISTED).map(ciText)
}

function versionOf(value: unknown): NonNullable<Told['version']> {
  const replaces = at(value, 'replaces')
  return { ...oneVersion(value), ...(replaces === undefined ? {} : { replaces: oneVersion(replaces) }) }
}

function oneVersion(value: unknown): ToldVersion {
  const revision = numberAt(value, 'revision')
  return { ...(revision === undefined ? {} : { revision }), images: texts(value, 'images'), ...maybe(value, 'changedAt') }
}

function runOf(value: unknown, id: string): ToldRun {
  return {
    id: ciText(id),
    state: ciText(textAt(value, 'state')),
    wrote: at(value, 'wrote') === true,
    ...maybe(value, 'outcome'),
    ...maybe(value, 'reason'),
    ...maybe(value, 'sentence'),
    ...maybe(value, 'detail')
  }
}

function standingOf(value: unknown): ToldStanding {
  return {
    kind: ciText(textAt(value, 'kind')),
    ...maybe(value, 'awaits'),
    ...maybe(value, 'because'),
    compared: ciText(textAt(value, 'compared')),
    ...maybe(value, 'guarantee'),
    seconds: numberAt(value, 'seconds') ?? 0,
    parts: listAt(value, 'parts').slice(0, LISTED).map(partOf),
    notes: texts(value, 'notes'),
    first: ciText(listAt(value, 'text')[0])
  }
}

function partOf(value: unknown): ToldPart {
  const lower = numberAt(value, 'ratio', 'lower')
  const estimate = numberAt(value, 'ratio', 'estimate')
  const upper = numberAt(value, 'ratio', 'upper')
  return {
    name: ciText(textAt(value, 'name')),
    metric: ciText(textAt(value, 'metric')),
    old: tallyOf(at(value, 'old')),
    new: tallyOf(at(value, 'new')),
    ...(lower === undefined
      ? {}
      : { ratio: { lower, ...(estimate === undefined ? {} : { estimate }), ...(upper === undefined ? {} : { upper }) } }),
    tolerated: ciText(textAt(value, 'tolerated')),
    ...maybe(value, 'proven'),
    toFail: share(numberAt(value, 'evidenceToFail')),
    toPass: share(numberAt(value, 'evidenceToPass'))
  }
}

function reportedOf(value: unknown): ToldReported {
  const number = numberAt(value, 'value')
  return { name: ciText(textAt(value, 'name')), ...(number === undefined ? {} : { value: number }), ...maybe(value, 'why') }
}

function tallyOf(value: unknown): ToldTally {
  return { requests: numberAt(value, 'requests') ?? 0, bad: numberAt(value, 'bad') ?? 0 }
}

function share(value: number | undefined): number {
  return Math.min(1, Math.max(0, value ?? 0))
}

import { awaitsText, elapsedText, evidenceText, ratioText, reportedText, tallyText, versionText, worstPart } from './figures.ts'
import type { Told } from './told.ts'

/** A line of the log, without its time: a word for what it is about, and the rest. */
export interface LogLine {
  readonly word: string
  readonly text: string
}

/** What is new in a guard since it was last told of, a line for each change. Counts change all the time, and are no change. */
export function newLines(before: Told | undefined, now: Told): readonly LogLine[] {
  const fresh = (word: string, text: string | undefined, was: string | undefined): readonly LogLine[] =>
    text === undefined || text === was ? [] : [{ word, text }]
  return [
    ...fresh('entry', entryText(now), before === undefined ? undefined : entryText(before)),
    ...fresh('version', judgedText(now), before === undefined ? undefined : judgedText(before)),
    ...now.said.filter(text => !(before?.said.includes(text) ?? false)).map(text => ({ word: 'said', text })),
    ...fresh('compared', comparedText(now), before === undefined ? undefined : comparedText(before)),
    ...(now.standing?.notes ?? [])
      .filter(text => !now.said.includes(text) && !(before?.standing?.notes.includes(text) ?? false))
      .map(text => ({ word: 'note', text })),
    ...newlyReported(before, now),
    ...fresh('failing', now.failing, before?.failing),
    ...(now.standing === undefined || now.standing.kind === 'watching' || now.standing.kind === before?.standing?.kind
      ? []
      : [{ word: now.standing.kind, text: withoutWord(now.standing.first, now.standing.kind) }]),
    ...fresh('run', runText(now), before === undefined ? undefined : runText(before)),
    ...(now.state === 'ended' ||
    now.said.includes(awaitsText(now) ?? '') ||
    sameButCounts(awaitsText(now), before === undefined ? undefined : awaitsText(before))
      ? []
      : [{ word: 'awaits', text: awaitsText(now) ?? 'nothing' }])
  ]
}

/** A metric that decides nothing is told when it is first known, and when it is known no more; in between its number goes with the heartbeat. */
function newlyReported(before: Told | undefined, now: Told): readonly LogLine[] {
  return now.reported
    .filter(({ name, why }) => {
      const was = before?.reported.find(one => one.name === name)
      return was === undefined || was.why !== why
    })
    .map(one => ({ word: 'reported', text: `${(reportedText([one]) ?? '').replace(/^reported /, '')}; it decides nothing` }))
}

/** The judge’s own sentence may begin with its verdict, which stands before it already. */
function withoutWord(text: string, word: string): string {
  return text.toLowerCase().startsWith(`${word}: `) ? text.slice(word.length + 2) : text
}

/** How the guard stands: told now and then while nothing changes. */
export function standingLine(told: Told): LogLine {
  const { standing } = told
  const part = standing === undefined ? undefined : worstPart(standing.parts)
  const words = [
    ...(standing === undefined ? [] : [elapsedText(standing.seconds)]),
    // The bar stands first: a narrow terminal cuts what follows.
    ...(standing === undefined ? [] : [evidenceText(standing.parts)]),
    ...(part === undefined ? [] : [`${part.name}: new ${tallyText(part.new)}, old ${tallyText(part.old)}`]),
    reportedText(told.reported),
    ...(awaitsText(told) === undefined ? [] : [`awaits ${awaitsText(told)}`])
  ]
  return { word: told.state, text: words.filter(word => word !== undefined && word !== '').join(' · ') }
}

/** The numbers that a verdict rests on, of the part to look at. */
export function numbersText(told: Told): string | undefined {
  const part = told.standing === undefined ? undefined : worstPart(told.standing.parts)
  if (part === undefined) return undefined
  const ratio = ratioText(part)
  return [
    `${part.name}: new ${tallyText(part.new)}, old ${tallyText(part.old)}`,
    ...(ratio === undefined ? [] : [`ratio ${ratio}`]),
    part.proven === undefined ? `tolerated ${part.tolerated}` : `proven ${part.proven}`
  ].join(', ')
}

/** What keeps it from writing is said by the guard itself. */
function entryText({ entry }: Told): string | undefined {
  return entry === undefined ? undefined : `${entry.name} of guards:, mode ${entry.mode}`
}

function judgedText({ version }: Told): string | undefined {
  if (version === undefined) return undefined
  const since = version.changedAt === undefined ? '' : `, rolled out at ${version.changedAt}`
  return `${versionText(version)}${since}${version.replaces === undefined ? '; the first of its kind' : `; it replaces ${versionText(version.replaces)}`}`
}

function comparedText({ standing }: Told): string | undefined {
  if (standing === undefined) return undefined
  const tolerated = [...new Set(standing.parts.map(part => `${part.name} up to ${part.tolerated}`))].join(', ')
  return [
    standing.compared,
    ...(tolerated === '' ? [] : [`tolerated: ${tolerated}`]),
    ...(standing.guarantee === undefined ? [] : [standing.guarantee])
  ].join('; ')
}

function runText({ run }: Told): string | undefined {
  if (run === undefined) return undefined
  const why = [run.reason, run.detail].filter(word => word !== undefined).join(': ')
  return `${run.id} ${run.outcome ?? run.state}${run.wrote ? ', written' : ', nothing written'}${why === '' ? '' : ` · ${why}`}`
}

function sameButCounts(first: string | undefined, second: string | undefined): boolean {
  const bare = (text: string | undefined): string | undefined => text?.replaceAll(/[\d.,]+/g, '#')
  return first === undefined || bare(first) === bare(second)
}

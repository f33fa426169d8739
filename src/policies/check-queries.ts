import { formatDuration, parseDuration } from '../base/duration.ts'
import { type FilterPart, filtersOf } from '../promql/filters.ts'
import { givenWhere } from '../promql/presence.ts'
import { selectorsOf } from '../promql/selectors.ts'
import { typeOf } from '../promql/types.ts'
import { type Unpadded, unpadded } from '../promql/unpadded.ts'
import { type PromqlTemplate, parsePromqlTemplate } from '../templates/promql.ts'
import { expandVerification, type WrittenVerification } from './expand.ts'
import { parseThreshold } from './normalize.ts'
import type { Finding, Path } from './problem.ts'
import type { PolicyFile } from './schema.ts'

type FilePolicy = PolicyFile['policies'][number]
type FileVerification = FilePolicy['verify'][number]
type FileTraffic = NonNullable<WrittenVerification['traffic']>
type FileCondition = NonNullable<NonNullable<FilePolicy['steps'][number]['when']>['queries']>[number]

/** Checks one query of a symptom: its number, its threshold, and its traffic. */
export function checkVerification(query: FileVerification, path: Path): Finding[] {
  const expanded = expandVerification(query, path)
  if (expanded.kind === 'wrong') return [...expanded.findings]
  const findings = checkWritten(expanded.query, path)
  // The text of a named metric stands in no file: what is wrong in it came from the options.
  return query.use === undefined
    ? findings
    : findings.map(({ path: at, message, warning }) => {
        const own = at.at(path.length) === 'failWhen'
        return {
          path: own ? at : [...path, query.with === undefined ? 'use' : 'with'],
          message,
          ...(warning === undefined ? {} : { warning })
        }
      })
}

function checkWritten(query: WrittenVerification, path: Path): Finding[] {
  const findings: Finding[] = []
  const at: Path = [...path, 'promql']
  const parsed = parsePromqlTemplate(query.promql)
  if ('error' in parsed) findings.push({ path: at, message: parsed.error, offset: parsed.offset })
  else {
    findings.push(...checkNumber(parsed, at, 'failWhen'), ...checkWindow(query, parsed, path), ...checkPadding(parsed, at))
    if (query.traffic === undefined) findings.push(...checkEmptyAnswer(parsed, at, 'traffic: { promql: …, atLeast: … }'))
  }
  if (query.traffic !== undefined) findings.push(...checkTraffic(query.traffic, [...path, 'traffic', 'promql']))
  if (parseThreshold(query.failWhen) === undefined)
    findings.push({ path: [...path, 'failWhen'], message: 'is not a comparison and a number, such as "> 0.05" or "> 5%"' })
  return findings
}

/** Checks one condition of a rung. */
export function checkCondition(condition: FileCondition, path: Path): Finding[] {
  const findings: Finding[] = []
  const at: Path = [...path, 'promql']
  const parsed = parsePromqlTemplate(condition.promql)
  if ('error' in parsed) findings.push({ path: at, message: parsed.error, offset: parsed.offset })
  else {
    findings.push(...checkNumber(parsed, at, 'holdsWhen'), ...checkPadding(parsed, at))
    findings.push(...checkEmptyAnswer(parsed, at, 'a series that is there in any case, such as … or 0 * sum(up{…})'))
  }
  if (parseThreshold(condition.holdsWhen) === undefined)
    findings.push({ path: [...path, 'holdsWhen'], message: 'is not a comparison and a number, such as "> 0"' })
  return findings
}

function checkTraffic({ promql, atLeast }: FileTraffic, at: Path): Finding[] {
  const parsed = parsePromqlTemplate(promql)
  if ('error' in parsed) return [{ path: at, message: parsed.error, offset: parsed.offset }]
  const findings = checkNumber(parsed, at, 'atLeast')
  const empty = givenWhere(parsed.expr, () => false)
  if (empty.kind === 'something' && !(empty.value !== undefined && empty.value < atLeast) && !Number.isNaN(empty.value))
    findings.push({ path: at, message: `answers ${empty.value ?? 'a number'} where there is no series at all, so it proves no traffic` })
  return findings
}

/** Refuses a query that ends in a comparison: while that is false it answers nothing, which is neither well nor ill. */
function checkNumber({ expr, template }: PromqlTemplate, path: Path, threshold: 'failWhen' | 'holdsWhen' | 'atLeast'): Finding[] {
  if (!['scalar', 'vector'].includes(typeOf(expr))) return [{ path, message: 'gives no number: a range or a text', offset: expr.from }]
  const filters = filtersOf(expr, template.source)
  if (filters === undefined) return []
  const { joined, parts } = filters
  const first = parts.find(part => part.kind !== 'number')
  const why = 'a comparison leaves nothing while it is false, and no data is neither well nor ill'
  const vectors = parts.some(part => part.kind === 'two-vectors') ? '; of two things that are measured, take the difference' : ''
  const many = parts.length === 1 ? '' : joined === 'or' ? '; one policy for each' : '; one query for each, all of which must hold'
  const halves = parts.map(part => halfText(part, threshold)).join(', and ')
  return [
    { path, message: `${why}: write its two halves${vectors}${many}: ${halves}`, ...(first === undefined ? {} : { offset: first.at }) }
  ]
}

function halfText(part: FilterPart, threshold: 'failWhen' | 'holdsWhen' | 'atLeast'): string {
  if (part.kind === 'number') return `promql: ${part.promql} with the threshold that you mean`
  const { promql, operator, threshold: number } = part.halves
  return threshold === 'atLeast' ? `promql: ${promql}, atLeast: ${number}` : `promql: ${promql}, ${threshold}: "${operator} ${number}"`
}

function checkWindow(query: WrittenVerification, parsed: PromqlTemplate, path: Path): Finding[] {
  if (parsed.fixedInTime)
    return [
      {
        path: [...path, 'promql'],
        message: '@ fixes the instant: the query would say the same of every moment of the past, and could not tell since when it fails'
      }
    ]
  if (parsed.window === undefined && query.window === undefined)
    return [
      {
        path: [...path, 'promql'],
        message:
          'how far back this query looks cannot be told from its text (recording rule, regular expression for the name, subquery or offset): say it with window:'
      }
    ]
  if (parsed.window !== undefined && query.window !== undefined && (parseDuration(query.window) ?? 0) < parsed.window)
    return [{ path: [...path, 'window'], message: `is shorter than the query’s own range of ${formatDuration(parsed.window)}` }]
  return []
}

/** Refuses a query with a number for an application that is gone. Without series of its own it needs something else that proves life. */
function checkEmptyAnswer({ expr }: PromqlTemplate, path: Path, instead: string): Finding[] {
  const empty = givenWhere(expr, () => false)
  if (empty.kind === 'nothing' || Number.isNaN(empty.value) || selectorsOf(expr).length === 0) return []
  const number = empty.value === undefined ? 'a number' : String(empty.value)
  return [
    {
      path,
      message: `answers ${number} where there is no series at all, so an application or a source that is gone looks like any other: it needs ${instead}`,
      offset: expr.from
    }
  ]
}

/** Warns of a query that has no number where all is well. */
function checkPadding({ expr, template }: PromqlTemplate, path: Path): Finding[] {
  const found = unpadded(expr, template.source)
  return found === undefined ? [] : [{ path, message: paddingAdvice(found), offset: found.at, warning: true }]
}

function paddingAdvice({ kind, instead }: Unpadded): string {
  switch (kind) {
    case 'ratio':
      return `has no number while its upper part has no series, as before the first error: a recovery cannot be confirmed then. Pad it: ${instead}`
    case 'failures-alone':
      return 'has no number before the first failure, because nothing is counted then: a recovery cannot be confirmed. Pad it with what a healthy application has too: sum(bad) or 0 * sum(all)'
    case 'count-of-filtered':
      return `has no number while nothing passes the comparison inside: a recovery cannot be confirmed then. Write ${instead ?? 'bool behind the comparison, or pad it: … or 0 * sum(…)'}`
  }
}

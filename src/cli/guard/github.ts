import { randomBytes } from 'node:crypto'
import { appendFileSync, statSync } from 'node:fs'
import { cutToBytes } from './markdown.ts'
import { factsOf, type Report } from './report.ts'
import { lastLine } from './verdict.ts'

/**
 * GitHub drops a step’s whole summary where it is above 1 MiB, and silently where it is a few bytes below
 * (actions/runner, issue 4337). What other programs of the step wrote counts too.
 */
const SUMMARY_BYTES = 1024 * 1024 - 8 * 1024
/** An annotation is cut at 4,096 characters. */
const ANNOTATION = 1_000

/** Adds the page to the summary of the step. @returns what is to be said where it did not fit */
export function addStepSummary(file: string, page: string): string | undefined {
  const there = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  const room = SUMMARY_BYTES - there
  if (Buffer.byteLength(page) > room && room < 4_096)
    return `the step’s summary has ${there} bytes already, and GitHub takes 1 MiB: nothing is added`
  appendFileSync(file, cutToBytes(page, room))
  return undefined
}

/** Sets the outputs of the step. A value ends where a line says so that nobody could have foreseen. */
export function addOutputs(file: string, report: Report): void {
  const end = `end_${randomBytes(16).toString('hex')}`
  appendFileSync(
    file,
    [...factsOf(report), ['text', lastLine(report.verdict, undefined)] as const]
      .map(([name, value]) => `${name}<<${end}\n${value}\n${end}\n`)
      .join('')
  )
}

/** The one annotation of the step: a workflow command. Undefined where there is nothing to complain of. */
export function annotation({ verdict, target }: Report): string | undefined {
  if (verdict.code === 0 && verdict.chosen === undefined) return undefined
  const kind = verdict.code === 0 ? 'warning' : 'error'
  const text = lastLine(verdict, undefined).slice(0, ANNOTATION)
  return `::${kind} title=${property(`astern guard ${target}`)}::${data(text)}`
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

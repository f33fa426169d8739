import { writeFileSync } from 'node:fs'
import type { CiJob } from './ci.ts'
import type { GuardFlags } from './flags.ts'
import { addOutputs, addStepSummary } from './github.ts'
import { dotenvReport, junitReport } from './gitlab.ts'
import { cutToBytes, summaryPage } from './markdown.ts'
import type { Report } from './report.ts'

const SUMMARY_BYTES = 1024 * 1024 - 8 * 1024

/** Writes whatever the job reads afterwards. @returns a sentence for each file that could not be written: the verdict stands */
export function writeOutputs(
  report: Report,
  { flags, job }: { readonly flags: Pick<GuardFlags, 'summary' | 'junit' | 'dotenv'>; readonly job: CiJob }
): readonly string[] {
  const problems: string[] = []
  const attempt = (file: string | undefined, write: (file: string) => string | undefined): void => {
    if (file === undefined) return
    try {
      const problem = write(file)
      if (problem !== undefined) problems.push(problem)
    } catch (cause) {
      problems.push(`${file} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }
  const put = (text: () => string) => (file: string) => void writeFileSync(file, text())
  attempt(
    flags.summary,
    put(() => cutToBytes(summaryPage(report), SUMMARY_BYTES))
  )
  attempt(
    flags.junit,
    put(() => junitReport(report))
  )
  attempt(
    flags.dotenv,
    put(() => dotenvReport(report))
  )
  attempt(job.stepSummary, file => addStepSummary(file, summaryPage(report)))
  attempt(job.outputs, file => void addOutputs(file, report))
  return problems
}

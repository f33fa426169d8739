import { elapsedText, ratioText, reportedText, tallyText, versionText } from './figures.ts'
import type { Report } from './report.ts'
import type { Told } from './told.ts'

/** Texts beyond these are left out of a page. */
const SAID = 30

/** The page of a guard, for the summary of a step: what happened, in numbers, and in a picture. */
export function summaryPage(report: Report): string {
  const { verdict, told, target, link } = report
  const lines = [
    `### astern guard ${md(target)}: ${md(verdict.headline)}`,
    '',
    ...paragraph(verdict.cause),
    ...paragraph(verdict.undone),
    ...paragraph(verdict.chosen),
    ...(told === undefined ? [] : table(told)),
    ...paragraph(told === undefined ? undefined : reportedLine(told)),
    ...picture(report),
    ...(told === undefined ? [] : said(told)),
    ...(link === undefined || told === undefined ? [] : [`[guard ${md(told.id)}](<${link.replaceAll(/[<>\s]/g, encodeURIComponent)}>)`, ''])
  ]
  return `${lines.join('\n')}\n`
}

function paragraph(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : [`${md(text)}`, '']
}

function table({ version, standing }: Told): readonly string[] {
  if (standing === undefined || standing.parts.length === 0) return []
  const name = (of: Parameters<typeof versionText>[0] | undefined, otherwise: string): string =>
    md(of === undefined ? otherwise : versionText(of))
  return [
    `| after ${elapsedText(standing.seconds)} | new: ${name(version, 'new')} | old: ${name(version?.replaces, 'old')} | ratio | tolerated | proven |`,
    '|---|---|---|---|---|---|',
    ...standing.parts.map(
      part =>
        `| ${[part.name, tallyText(part.new), tallyText(part.old), ratioText(part) ?? '', part.tolerated, part.proven ?? ''].map(md).join(' | ')} |`
    ),
    ''
  ]
}

function reportedLine({ reported }: Told): string | undefined {
  const text = reportedText(reported)
  return text === undefined ? undefined : `${text}; this decides nothing`
}

function picture({ history }: Report): readonly string[] {
  const lines = history.lines()
  if (lines === undefined) return []
  const top = `${Number((lines.highest * 100).toPrecision(2))} %`
  return ['```text', `share of bad requests (${code(lines.part)}), highest ${top}`, `new ${lines.new}`, `old ${lines.old}`, '```', '']
}

function said({ said: texts, standing }: Told): readonly string[] {
  const notes = standing === undefined ? [] : [standing.compared, standing.guarantee, ...standing.notes]
  const all = [...texts, ...notes.filter(note => note === undefined || !texts.includes(note))]
    .filter(text => text !== undefined && text !== '')
    .slice(0, SAID)
  return all.length === 0 ? [] : [...all.map(text => `- ${md(text ?? '')}`), '']
}

/** Foreign text in Markdown: nothing in it becomes a link, a picture, a mention, a column or a tag. */
export function md(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_{}[\]()#|!~]/g, '\\$&')
    .replaceAll('@', '&#64;')
    .replaceAll('://', '&#58;//')
    .replaceAll(/www\./gi, found => `${found.slice(0, 3)}&#46;`)
}

/** Inside of a fence only the fence itself could end it. */
function code(text: string): string {
  return text.replaceAll('`', '’')
}

/** The beginning of a text, whole lines of at most so many bytes, with a word where something is missing. */
export function cutToBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  const notice = '\n(cut: this is all that fits)\n'
  const cut = Buffer.from(text).subarray(0, Math.max(0, bytes - Buffer.byteLength(notice)))
  const end = cut.lastIndexOf('\n'.charCodeAt(0))
  return `${cut.subarray(0, Math.max(0, end)).toString('utf8')}${notice}`
}

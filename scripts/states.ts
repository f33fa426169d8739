import { writeFileSync } from 'node:fs'
import { transitions } from '../src/domain/run.ts'

// docs/run-states.svg: the states of a run, and what may follow what, drawn from the table that the code checks every move by.
const FILE = 'docs/run-states.svg'

interface Transition {
  readonly from: string
  readonly to: string
  readonly why: string
}

type Point = readonly [x: number, y: number]

const WIDTH = 900
const BOX = { width: 150, height: 54 }
const LEGEND_TOP = 350
const LEGEND_LINE = 21
/** Characters of a line of the legend: what fits into the width at 14 px, with room to spare for wide letters. */
const LEGEND_COLUMNS = 106

/** The middle of each state's box. */
const STATES: Readonly<Record<string, Point>> = {
  waiting: [155, 150],
  executing: [450, 150],
  watching: [745, 150],
  ended: [450, 290]
}

/** Each arrow as an SVG path, and where its number stands. A new transition needs a place here. */
const ARROWS: Readonly<Record<string, { readonly path: string; readonly number: Point }>> = {
  'waiting waiting': { path: 'M 115 123 C 85 60, 175 60, 147 121', number: [131, 77] },
  'waiting executing': { path: 'M 230 139 H 373', number: [302, 139] },
  'executing waiting': { path: 'M 375 163 H 232', number: [302, 163] },
  'executing executing': { path: 'M 432 123 C 402 60, 492 60, 466 121', number: [449, 77] },
  'executing watching': { path: 'M 525 150 H 668', number: [597, 150] },
  'watching watching': { path: 'M 753 123 C 725 60, 815 60, 787 121', number: [769, 77] },
  'watching waiting': { path: 'M 720 123 C 690 5, 215 5, 182 121', number: [450, 35] },
  'waiting ended': { path: 'M 180 177 C 195 265, 280 281, 373 281', number: [227, 249] },
  'ended waiting': { path: 'M 375 301 C 235 303, 145 270, 132 179', number: [196, 273] },
  'executing ended': { path: 'M 450 177 V 261', number: [450, 219] },
  'watching ended': { path: 'M 745 177 C 735 260, 640 290, 527 290', number: [700, 250] }
}

/** The picture as SVG: readable by itself in light and dark, and as text by whoever cannot see it. */
export function picture(all: readonly Transition[] = transitions()): string {
  const states = [...new Set(all.flatMap(({ from, to }) => [from, to]))]
  const legend = all.flatMap(legendOf)
  const height = LEGEND_TOP + legend.length * LEGEND_LINE + 14
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, sans-serif" font-size="14">
<title>The states of a run, and which may follow which</title>
<desc>${all.map(({ from, to }) => `${from} to ${to}`).join('; ')}</desc>
<style>
.ground { fill: #ffffff; stroke: #d0d7de }
.state { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.5 }
.end { fill: #f6f8fa; stroke: #57606a }
.arrow { fill: none; stroke: #57606a; stroke-width: 1.5 }
.number { fill: #57606a }
.on { fill: #ffffff; font-size: 12px; font-weight: bold; text-anchor: middle }
.count { font-weight: bold; text-anchor: end }
.name { font-size: 16px; font-weight: bold; text-anchor: middle }
text, .head { fill: #1f2328 }
.head { fill: #57606a }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; stroke: #30363d }
.state { fill: #0c2d6b; stroke: #58a6ff }
.end { fill: #21262d; stroke: #8b949e }
.arrow { stroke: #8b949e }
.number, .head { fill: #8b949e }
text { fill: #e6edf3 }
text.on { fill: #0d1117 }
}
</style>
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M 0 1 L 10 5 L 0 9 z"/></marker></defs>
<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
${states.map(box).join('\n')}
${all.map(arrow).join('\n')}
${legend.map(({ number, text }, index) => row(number, text, LEGEND_TOP + index * LEGEND_LINE)).join('\n')}
</svg>
`
}

function box(state: string): string {
  const [x, y] = STATES[state] ?? unplaced(`the state ${state}`)
  const { width, height } = BOX
  return `<rect class="state${state === 'ended' ? ' end' : ''}" x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="10"/><text class="name" x="${x}" y="${y + 5}">${escaped(state)}</text>`
}

function arrow({ from, to }: Transition, index: number): string {
  const {
    path,
    number: [x, y]
  } = ARROWS[`${from} ${to}`] ?? unplaced(`${from} → ${to}`)
  return `<path class="arrow" marker-end="url(#head)" d="${path}"/><circle class="number" cx="${x}" cy="${y}" r="10"/><text class="on" x="${x}" y="${y + 4}">${index + 1}</text>`
}

/** A transition as lines of the legend; the first has its number. */
function legendOf({ from, to, why }: Transition, index: number): readonly { readonly number: string; readonly text: string }[] {
  const lines: string[] = []
  let line = `${from === to ? `${from} stays` : `${from} → ${to}`}:`
  for (const word of why.split(' ')) {
    if (line.length + 1 + word.length > LEGEND_COLUMNS) {
      lines.push(line)
      line = word
    } else line = `${line} ${word}`
  }
  return [...lines, line].map((text, at) => ({ number: at === 0 ? String(index + 1) : '', text }))
}

function row(number: string, text: string, y: number): string {
  return `<text class="count" x="58" y="${y}">${number}</text><text x="70" y="${y}">${escaped(text)}</text>`
}

function unplaced(what: string): never {
  throw new Error(`${what} has no place in the picture yet: give it one in scripts/states.ts`)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

if (import.meta.main) writeFileSync(FILE, picture())

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'

// docs/demo.svg: what a terminal shows of a real `npm run demo`. Runs it in a terminal of its own (util-linux' `script`).
const COLUMNS = 168
const LINE = 19
const CHARACTER = 8.1
const MARGIN = 18
const ESCAPE = '\u001b'
const STYLED = new RegExp(`(${ESCAPE}\\[[0-9;]*m)`)
const STYLE = new RegExp(`^${ESCAPE}\\[([0-9;]*)m$`)
const CURSOR = new RegExp(`${ESCAPE}\\[\\d*[A-HJKST]`, 'g')
const STYLES: Readonly<Record<string, string>> = {
  '1': 'font-weight="bold"',
  '2': 'fill="#8b949e"',
  '31': 'fill="#ff7b72"',
  '32': 'fill="#7ee787"',
  '33': 'fill="#e3b341"',
  '36': 'fill="#79c0ff"'
}

const quoted = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** One line with its colours; what does not fit is cut, as a terminal would wrap it. */
function spans(line: string): string {
  let style = ''
  let width = 0
  return line
    .split(STYLED)
    .map(part => {
      const code = STYLE.exec(part)?.[1]
      if (code !== undefined) {
        style = STYLES[code] ?? ''
        return ''
      }
      const fits = part.slice(0, Math.max(0, COLUMNS - width))
      width += part.length
      return fits === '' ? '' : `<tspan ${style}>${quoted(fits)}</tspan>`
    })
    .join('')
}

const child = spawn('script', ['-qec', `stty cols ${COLUMNS}; exec '${process.execPath}' src/main.ts demo`, '/dev/null'], {
  env: { ...process.env, TERM: 'xterm-256color' },
  stdio: ['ignore', 'pipe', 'inherit']
})
let shown = ''
child.stdout.on('data', (chunk: Buffer) => {
  shown += chunk.toString('utf8')
})
child.on('close', code => {
  if (code !== 0) throw new Error(`the demo ended with ${code}:\n${shown}`)
  const lines = [
    '\u001b[2m$\u001b[0m npm run demo',
    ...shown
      .replaceAll('\r\n', '\n')
      .split('\n')
      // A line that was drawn over (progress) ends as it was drawn last.
      .map(line => (line.split('\r').at(-1) ?? '').replaceAll(CURSOR, ''))
  ]
  while (lines.at(-1)?.trim() === '') lines.pop()
  const height = lines.length * LINE + 2 * MARGIN
  const width = Math.round(COLUMNS * CHARACTER + 2 * MARGIN)
  const text = lines
    .map((line, index) => `<text x="${MARGIN}" y="${MARGIN + (index + 0.75) * LINE}" xml:space="preserve">${spans(line)}</text>`)
    .join('\n')
  writeFileSync(
    'docs/demo.svg',
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13.5" fill="#e6edf3">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${text}
</svg>
`
  )
})

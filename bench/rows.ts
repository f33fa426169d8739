import { cpus, release, totalmem } from 'node:os'

/** One measured number, and what it is held against. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the same run measured for the thing that it is compared with. */
  readonly baseline?: number
  readonly ratio?: number
  /** In words: `ratio ≥ 0.6`. */
  readonly goal?: string
  readonly holds?: boolean
}

export interface Goal {
  readonly of: 'value' | 'ratio'
  readonly atLeast?: number
  readonly atMost?: number
}

export function row(name: string, value: number, unit: string, more: { readonly baseline?: number; readonly goal?: Goal } = {}): Row {
  const ratio = more.baseline === undefined ? undefined : value / more.baseline
  const { goal } = more
  const held = goal?.of === 'ratio' ? ratio : value
  return {
    name,
    value,
    unit,
    ...(more.baseline === undefined ? {} : { baseline: more.baseline }),
    ...(ratio === undefined ? {} : { ratio }),
    ...(goal === undefined || held === undefined
      ? {}
      : {
          goal: `${goal.of === 'ratio' ? 'ratio ' : ''}${goal.atLeast === undefined ? `≤ ${goal.atMost ?? ''}` : `≥ ${goal.atLeast}`}`,
          holds: (goal.atLeast === undefined || held >= goal.atLeast) && (goal.atMost === undefined || held <= goal.atMost)
        })
  }
}

export function machine(): string {
  const [cpu] = cpus()
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.versions.node}`
}

/** A Markdown table: what is printed is what stands in docs/performance.md. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map(one => [
    one.name,
    `${figure(one.value)} ${one.unit}`.trim(),
    one.baseline === undefined ? '' : figure(one.baseline),
    one.ratio === undefined ? '' : one.ratio.toFixed(2),
    one.goal ?? '',
    one.holds === undefined ? '' : one.holds ? 'yes' : '**no**'
  ])
  const head = ['what', 'measured', 'baseline', 'ratio', 'goal', 'holds']
  return [head, head.map(() => '---'), ...cells].map(line => `| ${line.join(' | ')} |`).join('\n')
}

function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value >= 10 ? value.toFixed(1) : value.toPrecision(2)
}

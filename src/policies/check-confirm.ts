import { formatDuration, parseDuration } from '../base/duration.ts'
import { parsePromqlTemplate } from '../templates/promql.ts'
import { expandVerification } from './expand.ts'
import { confirmOf } from './normalize.ts'
import type { Finding, Path } from './problem.ts'
import type { PolicyFile } from './schema.ts'

type FilePolicy = PolicyFile['policies'][number]

/**
 * Warns of rungs whose recovery can never be confirmed: samples count only once the longest window lies after the rollout, and all of them
 * must come within `confirm.within`.
 */
export function checkConfirm({ verify, steps }: FilePolicy, path: Path): Finding[] {
  const looks = verify.map((query, index) => windowOf(query, [...path, 'verify', index]))
  const longest = Math.max(0, ...looks)
  return steps.flatMap(({ confirm }, index): Finding[] => {
    const { within, passes, every } = confirmOf(confirm)
    const needed = longest + (passes - 1) * every
    if (needed <= within) return []
    const at: Path = [...path, 'steps', index, ...(confirm?.within === undefined ? [] : ['confirm', 'within'])]
    const why = `the queries look back ${formatDuration(longest)}, and ${passes} samples ${formatDuration(every)} apart come only after that`
    return [
      {
        path: at,
        message: `no recovery can be confirmed within ${formatDuration(within)}: ${why}; say confirm.within above ${formatDuration(needed)}, or take a shorter window`,
        warning: true
      }
    ]
  })
}

/** Milliseconds; 0 where the query is told of as wrong already. */
function windowOf(query: FilePolicy['verify'][number], path: Path): number {
  const expanded = expandVerification(query, path)
  if (expanded.kind === 'wrong') return 0
  const { promql, window } = expanded.query
  if (window !== undefined) return parseDuration(window) ?? 0
  const parsed = parsePromqlTemplate(promql)
  return 'error' in parsed ? 0 : (parsed.window ?? 0)
}

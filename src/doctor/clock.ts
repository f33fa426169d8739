import { SKEW_LIMIT_MS } from '../guards/change.ts'
import { type Finding, fine, trouble } from './finding.ts'

export function clockFinding(source: string, offsetMs: number): readonly Finding[] {
  const check = `clock of ${source}`
  const detail = offsetMs === 0 ? 'agrees with ours' : `${(offsetMs / 1_000).toFixed(1)} s ${offsetMs > 0 ? 'ahead of' : 'behind'} ours`
  return [
    Math.abs(offsetMs) > SKEW_LIMIT_MS
      ? trouble(check, 'bad', detail, 'run NTP on both: until then every decision waits as `clock-skew`')
      : fine(check, detail)
  ]
}

import { didYouMean, type Finding, type Path } from './problem.ts'
import type { PolicyFile } from './schema.ts'

/** Checks that the channels that are to tell people are there. */
export function checkEscalation(escalate: { readonly to?: readonly string[] } | undefined, file: PolicyFile, path: Path): Finding[] {
  const known = Object.keys(file.channels ?? {})
  return (escalate?.to ?? []).flatMap((name, index) =>
    known.includes(name) ? [] : [{ path: [...path, 'to', index], message: `there is no channel "${name}"; ${didYouMean(name, known)}` }]
  )
}

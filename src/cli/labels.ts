import { CommandError, EXIT } from './exit.ts'

/** The labels of an alert as they are given on a command line. @throws CommandError for what is no `label=value` */
export function labelsOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map(pair => {
      const at = pair.indexOf('=')
      if (at <= 0) throw new CommandError(EXIT.usage, `${pair}: must be label=value`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    })
  )
}

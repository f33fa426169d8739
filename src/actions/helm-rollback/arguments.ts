/** What ends the flags: no name after it can be taken for one. */
const END = '--'

/** Adds flags to arguments of helm, before the names. */
export function withFlags(args: readonly string[], flags: readonly string[]): readonly string[] {
  const at = args.indexOf(END)
  return at === -1 ? [...args, ...flags] : [...args.slice(0, at), ...flags, ...args.slice(at)]
}

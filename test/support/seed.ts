/**
 * The seed of a property test: the same each time, so that a failure of CI can be looked at again; another each time in
 * `npm run soak`, which looks for what the one seed does not show. fast-check prints the seed of what failed.
 */
export function seeded(fixed: number): { readonly seed: number } {
  return { seed: process.env['ASTERN_SOAK'] === undefined ? fixed : Math.floor(Math.random() * 2 ** 31) }
}

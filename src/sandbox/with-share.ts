import { execFileSync } from 'node:child_process'

/**
 * Runs a program that finds its files only below /usr/share, though its package is unpacked elsewhere: in a mount
 * namespace of its own, /usr/share is overlaid with the package's. Nothing outside sees it; nothing is installed.
 *
 * Usage, inside `unshare --map-root-user --mount`: node with-share.ts SHARE PROGRAM [ARGUMENT…]
 */
const [share, program, ...args] = process.argv.slice(2)
if (share === undefined || program === undefined || process.execve === undefined)
  throw new Error('usage: with-share.ts SHARE PROGRAM [ARGUMENT…]')
execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${share}:/usr/share`, '/usr/share'])
process.execve(program, [program, ...args])

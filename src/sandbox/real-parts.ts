import { execFile } from 'node:child_process'
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { delimiter, extname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A server that the demo and the tests run for real. */
export interface RealPart {
  readonly name: string
  /** Names under which it is found on `PATH`. */
  readonly programs: readonly string[]
  /** Environment variable with an explicit path. */
  readonly variable: string
  readonly debianPackage: string
  /** A file that Debian's build finds only at this place. */
  readonly needs?: string
}

/** The program, and the arguments that come before its own. */
export type PartCommand = readonly [string, ...string[]]

export const PROMETHEUS: RealPart = {
  name: 'Prometheus',
  programs: ['prometheus'],
  variable: 'ASTERN_PROMETHEUS_BIN',
  debianPackage: 'prometheus'
}
/** Comes with Prometheus; checks rules and plays series against them. */
export const PROMTOOL: RealPart = { ...PROMETHEUS, name: 'promtool', programs: ['promtool'], variable: 'ASTERN_PROMTOOL_BIN' }
export const ALERTMANAGER: RealPart = {
  name: 'Alertmanager',
  programs: ['prometheus-alertmanager', 'alertmanager'],
  variable: 'ASTERN_ALERTMANAGER_BIN',
  debianPackage: 'prometheus-alertmanager',
  needs: '/usr/share/prometheus/alertmanager/default.tmpl'
}

/** A part is neither here nor obtainable. The message names what to install. */
export class PartMissing extends Error {}

export interface PartsEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>
}

/**
 * Finds the program: at an explicit path, in the cache, on `PATH`; else Debian's package is downloaded and unpacked into the
 * cache, which needs no root, installs nothing and starts no service. @throws PartMissing
 */
export async function obtainPart(
  part: RealPart,
  { variables }: PartsEnvironment,
  progress: (line: string) => void = () => {}
): Promise<PartCommand> {
  const explicit = variables[part.variable]
  if (explicit !== undefined) {
    if (await isExecutable(explicit)) return [explicit]
    throw new PartMissing(`${part.variable}=${explicit} is not a program`)
  }
  const cache = join(variables['ASTERN_CACHE_DIR'] ?? join(homedir(), '.cache', 'astern'), `debian-${part.debianPackage}`)
  const cached = part.programs.map(program => join(cache, 'usr', 'bin', program))
  const onPath = (variables['PATH'] ?? '')
    .split(delimiter)
    .filter(Boolean)
    .flatMap(folder => part.programs.map(program => join(folder, program)))
  for (const candidate of cached) if (await isExecutable(candidate)) return inPlace(part, cache, candidate)
  for (const candidate of onPath) if (await isExecutable(candidate)) return [candidate]
  progress(`getting ${part.name} (Debian’s package, unpacked into ${cache}) …`)
  await unpack(part, cache)
  for (const candidate of cached) if (await isExecutable(candidate)) return inPlace(part, cache, candidate)
  throw missing(part)
}

/** Debian's Alertmanager reads its templates only below /usr/share. So it gets a view of the file system that has them there. */
async function inPlace(part: RealPart, cache: string, program: string): Promise<PartCommand> {
  if (part.needs === undefined) return [program]
  const installed = await access(part.needs).then(
    () => true,
    () => false
  )
  if (installed) return [program]
  try {
    await run('unshare', ['--map-root-user', '--mount', 'true'])
  } catch (cause) {
    throw missing(part, cause)
  }
  return [
    'unshare',
    '--map-root-user',
    '--mount',
    process.execPath,
    join(import.meta.dirname, `with-share${extname(import.meta.filename)}`),
    join(cache, 'usr', 'share'),
    program
  ]
}

async function unpack(part: RealPart, cache: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'astern-part-'))
  try {
    await download(part, work)
    const file = (await readdir(work)).find(name => name.endsWith('.deb'))
    if (file === undefined) throw missing(part)
    await run('dpkg', ['-x', join(work, file), join(work, 'tree')])
    await mkdir(join(cache, '..'), { recursive: true })
    await rename(join(work, 'tree'), cache).catch(async () => {
      // Another file system, or another process was first: unpack in place.
      await run('dpkg', ['-x', join(work, file), cache])
    })
  } catch (cause) {
    throw cause instanceof PartMissing ? cause : missing(part, cause)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function download(part: RealPart, work: string): Promise<void> {
  const fetch = (): Promise<unknown> => run('apt-get', ['download', part.debianPackage], { cwd: work })
  try {
    await fetch()
  } catch {
    // On a bare machine the package lists are empty; reading them needs root.
    await run('apt-get', ['update'])
    await fetch()
  }
}

function missing(part: RealPart, cause?: unknown): PartMissing {
  return new PartMissing(
    `${part.name} is not here and could not be obtained: install it (\`apt-get install ${part.debianPackage}\`, or from prometheus.io), or give its path in ${part.variable}`,
    { cause }
  )
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false
  )
}

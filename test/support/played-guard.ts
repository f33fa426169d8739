import type { Test } from 'tap'
import { astern, guardFolder } from './guard-cli.ts'
import { type Scene, type Script, scriptedGuards } from './scripted-guards.ts'
import { open } from './server-fixture.ts'

/** A server whose guards play these scenes, and a command that asks it for one. */
export async function played(t: Test, script: Script) {
  const deployGuards = scriptedGuards(script)
  const { app } = await open(t, { deployGuards })
  const cwd = guardFolder(t)
  return {
    deployGuards,
    cwd,
    address: app.address,
    guard: (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
      astern(t, ['guard', 'deploy/shop/api', '--server', app.address, '--token-file', 'token', ...args], { cwd, env })
  }
}

/** Plays scenes to a command, up to its end. */
export async function ended(t: Test, scenes: readonly Scene[], args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const { guard, cwd, deployGuards } = await played(t, { scenes })
  const command = guard(args, env)
  const code = await command.ended
  return { code, out: command.out(), err: command.err(), last: command.out().trimEnd().split('\n').at(-1) ?? '', cwd, deployGuards }
}

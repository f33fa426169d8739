import { CONTROL_PLANE, CURRENT_ALERTMANAGER, CURRENT_PROMETHEUS, HELMS, obtain } from './go-build.ts'

for (const program of [...CONTROL_PLANE, CURRENT_PROMETHEUS, CURRENT_ALERTMANAGER, ...HELMS]) {
  const file = await obtain(program, line => {
    process.stderr.write(`${line}\n`)
  })
  process.stdout.write(`${program.name} ${program.version} ${file}\n`)
}

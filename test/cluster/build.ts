import { CONTROL_PLANE, obtain } from './go-build.ts'

for (const program of CONTROL_PLANE) {
  const file = await obtain(program, line => {
    process.stderr.write(`${line}\n`)
  })
  process.stdout.write(`${program.name} ${program.version} ${file}\n`)
}

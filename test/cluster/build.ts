import {
  CONTROL_PLANE,
  CURRENT_ALERTMANAGER,
  CURRENT_PROMETHEUS,
  HELMS,
  obtain,
  obtainModuleFiles,
  PROMETHEUS_OPERATOR_CRDS
} from './go-build.ts'

for (const program of [...CONTROL_PLANE, CURRENT_PROMETHEUS, CURRENT_ALERTMANAGER, ...HELMS]) {
  const file = await obtain(program, line => {
    process.stderr.write(`${line}\n`)
  })
  process.stdout.write(`${program.name} ${program.version} ${file}\n`)
}
for (const file of await obtainModuleFiles(PROMETHEUS_OPERATOR_CRDS)) process.stdout.write(`${file}\n`)

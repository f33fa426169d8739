import { obtainEnvoy } from '../proxies/envoy.ts'
import {
  ARGO_ROLLOUTS,
  ARGO_ROLLOUTS_CRDS,
  CONTROL_PLANE,
  CURRENT_ALERTMANAGER,
  CURRENT_PROMETHEUS,
  GITOPS_CRDS,
  HELMS,
  obtain,
  obtainModuleFiles,
  PROMETHEUS_OPERATOR_CRDS
} from './go-build.ts'

for (const program of [...CONTROL_PLANE, CURRENT_PROMETHEUS, CURRENT_ALERTMANAGER, ...HELMS, ARGO_ROLLOUTS]) {
  const file = await obtain(program, line => {
    process.stderr.write(`${line}\n`)
  })
  process.stdout.write(`${program.name} ${program.version} ${file}\n`)
}
for (const crds of [PROMETHEUS_OPERATOR_CRDS, ARGO_ROLLOUTS_CRDS, ...GITOPS_CRDS])
  for (const file of await obtainModuleFiles(crds)) process.stdout.write(`${file}\n`)
process.stdout.write(`envoy ${await obtainEnvoy()}\n`)

import type { ChangeClaim } from '../../domain/deploy-guard.ts'

/** What the CI system tells of its job, and the files that it reads afterwards. */
export interface CiJob {
  readonly system?: 'GitHub Actions' | 'GitLab CI' | 'Jenkins'
  readonly change: ChangeClaim
  /** GitHub’s summary of the step, and its outputs. */
  readonly stepSummary?: string
  readonly outputs?: string
}

type Variables = Readonly<Record<string, string | undefined>>

/** The longest claim that the server takes, characters. */
const LONGEST = 200
const LONGEST_URL = 500

/** Reads the variables of GitHub Actions, GitLab CI and Jenkins. What makes no sense is left out: it is only shown. */
export function ciJobOf(variables: Variables): CiJob {
  const read = (name: string): string | undefined => (variables[name] === '' ? undefined : variables[name])
  if (read('GITHUB_ACTIONS') === 'true') {
    const [server, repository, run] = ['GITHUB_SERVER_URL', 'GITHUB_REPOSITORY', 'GITHUB_RUN_ID'].map(read)
    const url =
      server === undefined || repository === undefined || run === undefined ? undefined : `${server}/${repository}/actions/runs/${run}`
    const stepSummary = read('GITHUB_STEP_SUMMARY')
    const outputs = read('GITHUB_OUTPUT')
    return {
      system: 'GitHub Actions',
      change: claimOf(read('GITHUB_SHA'), read('GITHUB_ACTOR'), url),
      ...(stepSummary === undefined ? {} : { stepSummary }),
      ...(outputs === undefined ? {} : { outputs })
    }
  }
  if (read('GITLAB_CI') !== undefined)
    return { system: 'GitLab CI', change: claimOf(read('CI_COMMIT_SHA'), read('GITLAB_USER_LOGIN'), read('CI_JOB_URL')) }
  if (read('JENKINS_URL') !== undefined)
    return { system: 'Jenkins', change: claimOf(read('GIT_COMMIT'), read('CHANGE_AUTHOR'), read('BUILD_URL')) }
  return { change: {} }
}

function claimOf(commit: string | undefined, author: string | undefined, url: string | undefined): ChangeClaim {
  const short = (text: string | undefined): string | undefined => text?.trim().slice(0, LONGEST)
  const [told, by] = [short(commit), short(author)]
  return {
    ...(told ? { commit: told } : {}),
    ...(by ? { author: by } : {}),
    ...(url !== undefined && isWebUrl(url) ? { url } : {})
  }
}

/** Whether the server takes it as the address of a pipeline. */
export function isWebUrl(text: string): boolean {
  return text.length <= LONGEST_URL && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

import type { Role } from './credential.ts'

/** The roles that a person may have. The others belong to programs. */
export const PERSON_ROLES = ['viewer', 'operator', 'approver'] as const satisfies readonly Role[]

/** Who answers from Slack, as a policy file has it. */
export interface Person {
  /** Team id and user id, `T…/U…`. Names and addresses in Slack are what people call themselves, and prove nothing. */
  readonly slack: string
  /** How Astern calls the person. */
  readonly name: string
  readonly role: (typeof PERSON_ROLES)[number]
}

/** The person with this team id and user id; undefined for everybody whom the policies do not name. */
export function personOf(people: readonly Person[], team: string, user: string): Person | undefined {
  return people.find(person => person.slack === `${team}/${user}`)
}

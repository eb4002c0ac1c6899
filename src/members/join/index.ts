export { explained } from './explain-access.ts';
export type { JoinOptions, JoinResult } from './join.ts';
export { joinMember } from './join.ts';
export {
  checkMemberName,
  clusterUidAnnotation,
  joinedAsLabel,
  joinedByLabel,
  memberAccountAnnotation,
  tokenExpiresAtAnnotation,
  tokenIssuedAtAnnotation,
} from './join-names.ts';
export { accountLabels, memberRoles } from './member-rbac.ts';
export { memberRules } from './member-rules.ts';
export type { PropagatedChoice } from './propagated-objects.ts';
export type { MemberToken, TokenLife } from './renew-token.ts';
export { renewToken, tokenLifeOf, tokenRenewalDue } from './renew-token.ts';
export type { UnjoinOptions, UnjoinResult } from './unjoin.ts';
export { unjoinMember } from './unjoin.ts';

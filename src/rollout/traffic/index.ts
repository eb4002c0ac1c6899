export type {
  RouterDeps,
  TrafficGroups,
  TrafficRouter,
  TrafficSeen,
  TrafficShares,
  TrafficSide,
} from './router.ts';
export { createRouter, isSteering } from './router.ts';

export type { ShipperDoor, ShipperDoorOptions } from './door.ts';
export { createShipperDoor } from './door.ts';
export type { ShipperMetrics } from './metrics.ts';
export { noShipperMetrics } from './metrics.ts';
export type { Subject, Tell } from './tell.ts';

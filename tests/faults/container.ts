/** The one container that is migrated; a client writes to it all the time. */
export const container = 'redis';

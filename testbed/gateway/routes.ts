/** The gateway's configuration: which unix socket leads to which address. */
import { z } from 'zod';

export const gatewayConfigSchema = z.strictObject({
  routes: z.array(z.strictObject({ socket: z.string(), host: z.string(), port: z.number().int() })),
});

export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;
export type GatewayRoute = GatewayConfig['routes'][number];

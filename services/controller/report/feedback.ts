/**
 * What the hypercall loop learned (RoundResult.feedback), as it comes from an agent in a VM: text that may be anything, of which
 * every record of a migration keeps some.
 */

/** Ten times what an agent has to say. */
const mostLength = 16 * 1024;

/** As a value; null where there is none, or too much. Text that is no JSON stays text. */
export function parseFeedback(json: string): unknown {
  if (json === '' || json.length > mostLength) return null;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return json;
  }
}

/** What the hypercall loop learned (RoundResult.feedback) as a value; null where there is none. */
export function parseFeedback(json: string): unknown {
  if (json === '') return null;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return json;
  }
}

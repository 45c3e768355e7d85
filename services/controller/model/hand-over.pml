/*
 * The hand-over of one container: which copy runs, whatever crashes, hangs or is cut off.
 *
 * Theory of operation. Redis has the migration's record, changed by compare-and-set only. Each incarnation of the
 * controller drives the migration in an epoch of its own, and may still be at work while the next has taken over: it was
 * only slow. An agent on each side keeps its claim and the claim's epoch on disk and the tasks in the kernel, and loses
 * what it knows of the rounds when it dies. Calls and answers are overtaken by others, late without bound, or lost; a
 * caller may give up on a call that arrives all the same.
 *
 *     client ─cancel─▶ ┌─────────────┐ ◀─step, take over─ controllers ─calls─▶ source's agent, destination's agent
 *                      │ Redis       │
 *                      └─────────────┘
 *
 * A VM that is started anew has lost its copy, and its agent what it knew. Each is at most once: with the second nothing is
 * left that could be lost. Agents claim nothing for a migration that began before. A destination that was started anew after
 * the commit undoes it, until Redis knows that its copy has run: only from then on the source's is removed.
 *
 * Redis may lose the record for good. Before the commit that is rolled back; from then on whoever learns of it lets go, and both
 * copies stay as they are until an operator chooses: what is asked of such an execution is only that two copies never run.
 *
 * Every misfortune is taken out of one budget, FAULTS, so faults stop, and they may stop at any time. From then on what is
 * repeated arrives.
 *
 * Checked: two copies never run at once, no decision follows the other one, and no copy runs, or is removed, against the
 * decision (asserted where it happens). Every execution comes to rest (no cycle), and where nothing moves any more the
 * migration has ended, the container runs in one place, or is gone with a VM that alone had it, as the record says, and
 * nothing is claimed or left over (`Rest`). Since all that repeats itself without end would be a cycle, this needs no fairness.
 *
 * Taking over is one step here. In the code it is two, reading the epoch and raising it, of which Redis refuses the second where
 * the first does not hold any more: such a controller does nothing, as one that never began.
 *
 * Left out: what pages hold, the relays' sessions, the operator's choice, and that a controller ends a migration while it
 * still owes something, after a while: here it insists.
 */
#include "transitions.pml"

/* Safeguards that can be taken out, to see that they are needed: FORGETFUL agents do not remember which migrations they
   have ended, a HASTY controller rolls back when its commit is not answered, a GULLIBLE Redis lets any state follow, a
   HURRIED controller removes the source's copy before Redis knows that the other has run, TIMELESS agents claim in any boot of
   their VM, a FORWARD controller undoes a commit before Redis has answered that it may, a BLIND controller does not ask for a destination's boot, an ABSORBED one not whether another has taken over,
   a GUESSING one rolls back where Redis has lost the record at the commit. */
#ifdef GULLIBLE
#define FOLLOWS(from, to) true
#else
#define FOLLOWS(from, to) MAY_FOLLOW(from, to)
#endif
#ifdef FORGETFUL
#define ENDED(side) false
#else
#define ENDED(side) side
#endif

#ifdef TIMELESS
#define IN_OTHER_BOOT false
#else
#define IN_OTHER_BOOT destinationLost
#endif
#ifdef BLIND
#define IS_KNOWN_LOST false
#else
#define IS_KNOWN_LOST destinationLost
#endif

#ifdef ABSORBED
#define IS_TAKEN_OVER false
#else
#define IS_TAKEN_OVER (recordEpoch != epoch)
#endif

#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef CONTROLLERS
#define CONTROLLERS 2
#endif

mtype:op = { prepare, begin, freeze, restore, activate, look, finish, release, rollback, discard }
mtype:answer = { fine, no, stale, lost, gone, forgotten }
mtype:copy = { none, running, standing }

/* The record. */
mtype:state record = pending;
byte recordEpoch = 1;
bool redisLost;          /* It is there no more. */
bool decided;            /* Committed or aborted, */
bool forDestination;     /* which. */

/* The copies; and what agents keep on disk: a claim with its epoch, and that they have ended the migration. */
mtype:copy source = running;
mtype:copy destination = none;
bool sourceClaim, sourceEnded, destinationClaim, destinationEnded;
byte sourceEpoch, destinationEpoch;
/* In the source agent's memory. */
bool live;

/* Its VM was started anew since the migration began. */
bool sourceLost, destinationLost;
/* The destination's copy has run. */
bool ranThere;

byte faults = FAULTS;
byte controllers = 0;    /* incarnations that have begun */

/* Bags: each branch takes the first call of a kind, whatever came before it. An answer goes to the call's own caller. */
chan toRedis = [2] of { byte, mtype:state, byte };
chan toSource = [3] of { byte, mtype:op, byte };
chan toDestination = [3] of { byte, mtype:op, byte };
chan fromRedis[CONTROLLERS] = [1] of { mtype:state, mtype:answer };
chan fromAgent[CONTROLLERS] = [2] of { mtype:op, mtype:answer };

/* The call, or its answer, of this controller went astray: nothing will come. */
bool callLost[CONTROLLERS], stepLost[CONTROLLERS];
/* It listens no more: killed, or done with it. */
bool crashed[CONTROLLERS], ended[CONTROLLERS];
#define DEAF(who) (crashed[who] || ended[who])

#define NOBODY 255
#define COMMITTED (decided && forDestination)
#define ONE_RUNS (!(source == running && destination == running))
#define HERE (source == running && destination == none)
#define THERE (source == none && destination == running)

inline answerStep(how) {
  if
  :: who == NOBODY
  :: who != NOBODY && DEAF(who)
  :: who != NOBODY && !DEAF(who) && nfull(fromRedis[who]) -> fromRedis[who] ! to, how
  :: who != NOBODY && !DEAF(who) && faults > 0 -> faults = faults - 1; stepLost[who] = true
  fi
}

inline answerCall(what, how) {
  if
  :: DEAF(who)
  :: !DEAF(who) && nfull(fromAgent[who]) -> fromAgent[who] ! what, how
  :: !DEAF(who) && faults > 0 -> faults = faults - 1; callLost[who] = true
  fi
}

active proctype Redis() {
  byte who, epoch; mtype:state to;
end:
  do
  :: atomic {
       toRedis ? who, to, epoch ->
       if
       :: redisLost -> answerStep(forgotten)
       :: !redisLost && epoch != recordEpoch -> answerStep(stale)
       :: !redisLost && epoch == recordEpoch && record == to -> answerStep(fine)
       :: !redisLost && epoch == recordEpoch && record != to && !FOLLOWS(record, to) -> answerStep(no)
       :: !redisLost && epoch == recordEpoch && record != to && FOLLOWS(record, to) ->
            if
            :: to == committed -> assert(!decided); decided = true; forDestination = true
            :: to == aborted || to == refused -> assert(!decided); decided = true
            :: to == activated -> assert(ranThere)
            :: to == reverted -> forDestination = false
            :: to == rolled_back -> assert(source == running || sourceLost)
            :: to == failed -> assert(source == none && (sourceLost || destinationLost))
            :: to == done -> assert(source == none)
            :: else
            fi;
            record = to;
            answerStep(fine)
       fi;
       who = 0; epoch = 0; to = pending
     }
  :: atomic { !redisLost && faults > 0 -> faults = faults - 1; redisLost = true }
  od
}

active proctype SourceAgent() {
  byte who, epoch;
end:
  do
  :: atomic {
       toSource ?? who, begin, epoch ->
       if
       :: ENDED(sourceEnded) || source == none -> answerCall(begin, no)
       :: !ENDED(sourceEnded) && source != none && sourceClaim && epoch < sourceEpoch -> answerCall(begin, stale)
       :: else -> sourceClaim = true; sourceEpoch = epoch; live = true; answerCall(begin, fine)
       fi
     }
  :: atomic {
       toSource ?? who, freeze, epoch ->
       if
       :: sourceClaim && epoch < sourceEpoch -> answerCall(freeze, stale)
       :: !sourceClaim || !live -> answerCall(freeze, no)
       :: else -> sourceEpoch = epoch; source = standing; answerCall(freeze, fine)
       fi
     }
  :: atomic {
       toSource ?? who, rollback, epoch ->
       if
       :: sourceClaim && epoch < sourceEpoch -> answerCall(rollback, stale)
       :: else ->
            sourceEnded = true;
            if
            :: sourceClaim ->
                 assert(!COMMITTED);
                 source = running; assert(ONE_RUNS); sourceClaim = false; live = false
            :: else
            fi;
            answerCall(rollback, fine)
       fi
     }
  :: atomic {
       toSource ?? who, finish, epoch ->
       if
       :: sourceClaim && epoch < sourceEpoch -> answerCall(finish, stale)
       :: else ->
            sourceEnded = true;
            if
            :: sourceClaim ->
                 assert(ranThere && (record == activated || record == done || record == failed));
                 source = none; sourceClaim = false; live = false
            :: else
            fi;
            answerCall(finish, fine)
       fi
     }
  :: atomic { live && faults > 0 -> faults = faults - 1; live = false } /* killed, and back */
  :: atomic {
       !sourceLost && faults > 0 -> faults = faults - 1; sourceLost = true;
       source = none; sourceClaim = false; sourceEnded = false; sourceEpoch = 0; live = false
     }
  od
}

active proctype DestinationAgent() {
  byte who, epoch;
end:
  do
  :: atomic {
       toDestination ?? who, prepare, epoch ->
       if
       :: ENDED(destinationEnded) || IN_OTHER_BOOT -> answerCall(prepare, no)
       :: !ENDED(destinationEnded) && !IN_OTHER_BOOT && destinationClaim && epoch < destinationEpoch -> answerCall(prepare, stale)
       :: else -> destinationClaim = true; destinationEpoch = epoch; answerCall(prepare, fine)
       fi
     }
  :: atomic {
       toDestination ?? who, restore, epoch ->
       if
       :: destinationClaim && epoch < destinationEpoch -> answerCall(restore, stale)
       :: !destinationClaim -> answerCall(restore, no)
       :: else -> destinationEpoch = epoch; destination = standing; answerCall(restore, fine)
       fi
     }
  :: atomic {
       toDestination ?? who, activate, epoch ->
       if
       :: destinationClaim && epoch < destinationEpoch -> answerCall(activate, stale)
       :: !destinationClaim -> answerCall(activate, no)
       :: else ->
            assert(COMMITTED && destination != none);
            destinationEpoch = epoch; destination = running; ranThere = true; assert(ONE_RUNS);
            answerCall(activate, fine)
       fi
     }
  :: atomic {
       toDestination ?? who, look, epoch ->
       if
       :: IS_KNOWN_LOST -> answerCall(look, gone)
       :: !IS_KNOWN_LOST -> answerCall(look, no)
       fi
     }
  :: atomic {
       toDestination ?? who, release, epoch ->
       if
       :: destinationClaim && epoch < destinationEpoch -> answerCall(release, stale)
       :: else ->
            destinationEnded = true; assert(!destinationClaim || destination == running);
            destinationClaim = false; answerCall(release, fine)
       fi
     }
  :: atomic {
       !destinationLost && faults > 0 -> faults = faults - 1; destinationLost = true;
       destination = none; destinationClaim = false; destinationEnded = false; destinationEpoch = 0
     }
  :: atomic {
       toDestination ?? who, discard, epoch ->
       if
       :: destinationClaim && epoch < destinationEpoch -> answerCall(discard, stale)
       :: else ->
            destinationEnded = true;
            if
            :: destinationClaim -> assert(!COMMITTED); destination = none; destinationClaim = false
            :: else
            fi;
            answerCall(discard, fine)
       fi
     }
  od
}

/* What is on its way gets lost: the call here, its answer where it is given. Or nothing goes wrong any more. */
active proctype Network() {
  byte who, epoch; mtype:op what; mtype:state to;
end:
  do
  :: faults > 0 -> faults = 0
  :: atomic { faults > 0 && nempty(toSource) -> faults = faults - 1; toSource ? who, what, epoch; callLost[who] = true }
  :: atomic { faults > 0 && nempty(toDestination) -> faults = faults - 1; toDestination ? who, what, epoch; callLost[who] = true }
  :: atomic {
       faults > 0 && nempty(toRedis) -> faults = faults - 1; toRedis ? who, to, epoch;
       if
       :: who == NOBODY
       :: else -> stepLost[who] = true
       fi
     }
  od
}

/* One compare-and-set; `got` is its answer, or `lost`. */
inline step(next) {
  atomic { nfull(toRedis) -> stepLost[me] = false; toRedis ! me, next, epoch };
  do
  :: atomic { fromRedis[me] ? stepped, got ->
       if
       :: stepped == next -> break
       :: else
       fi }
  :: atomic { stepLost[me] -> stepLost[me] = false; got = lost; break }
  :: atomic { faults > 0 -> faults = faults - 1; got = lost; break }
  od
}

inline call(agent, what) {
  atomic { nfull(agent) -> callLost[me] = false; agent ! me, what, epoch };
  do
  :: atomic { fromAgent[me] ? called, got ->
       if
       :: called == what -> break
       :: else
       fi }
  :: atomic { callLost[me] -> callLost[me] = false; got = lost; break }
  :: atomic { faults > 0 -> faults = faults - 1; got = lost; break }
  od
}

/* Until it has been done, by this controller or, in a higher epoch, by another. */
inline insist(agent, what) {
  do
  :: call(agent, what);
     if
     :: got == fine -> break
     :: got == stale -> goto left
     :: else
     fi
  od
}

inline forward(next) {
  step(next);
  if
  :: got == fine
  :: got == no -> goto undo        /* aborted first */
  :: got == stale -> goto left
  :: got == forgotten -> goto undo
  :: got == lost -> goto untold
  fi
}

inline ask(agent, what) {
  call(agent, what);
  if
  :: got == fine
  :: got != fine && reserving -> goto refuse
  :: got != fine && !reserving -> goto abort
  fi
}

proctype Controller(byte me) {
  byte epoch; mtype:state seen; mtype:state decision = aborted; mtype:answer got; mtype:state stepped; mtype:op called;
  bool reserving = true, told = true;
  {
    atomic {
      if
      :: me == 0 -> epoch = 1; seen = pending
      :: else -> recordEpoch = recordEpoch + 1; epoch = recordEpoch; seen = record
      fi
    };
    if
    :: IS_FINAL(seen) -> goto left
    :: seen == committed -> goto committedNow
    :: seen == activated -> goto activatedNow
    :: seen == reverted -> decision = reverted; goto abort
    :: me > 0 && !IS_FINAL(seen) && seen != committed && seen != activated && seen != reverted -> goto abort
    :: me == 0
    fi;
    forward(preflight);
    ask(toDestination, prepare);
    ask(toSource, begin);
    reserving = false;
    forward(precopy);
    ask(toSource, freeze);
    forward(frozen);
    forward(dumped);
    forward(landed);
    ask(toDestination, restore);
    forward(restored);
    do
    :: step(committed);
       if
       :: got == fine -> goto committedNow
       :: got == no -> goto undo
       :: got == stale -> goto left
#ifdef GUESSING
       :: got == forgotten -> goto undo
#else
       :: got == forgotten -> goto left
#endif
#ifdef HASTY
       :: got == lost -> goto untold
#else
       :: got == lost  /* nobody knows: both copies stand still, and it is asked again */
#endif
       fi
    od;

refuse: /* What was reserved is given back; the container was never touched. */
    insist(toSource, rollback);
    insist(toDestination, discard);
    do
    :: step(refused);
       if
       :: got == no -> goto undo      /* aborted first */
       :: got == fine || got == stale || got == forgotten -> goto left
       :: got == lost
       fi
    od;

abort:
    step(decision);
    if
    :: got == fine -> goto undo
    :: got == no || got == stale -> goto left
    :: got == forgotten && decision == reverted -> goto left
    :: got == forgotten && decision == aborted -> goto undo
#ifndef FORWARD
    :: got == lost && decision == reverted -> goto abort /* another may have told that the copy ran */
#else
    :: got == lost && decision == reverted
#endif
    :: got == lost && decision == aborted
    fi;
untold: /* Redis is gone, and nobody else commits in this epoch. */
    told = false;
undo:
    insist(toSource, rollback);
    insist(toDestination, discard);
    do
    :: told -> break
    :: !told ->
         step(decision);
         if
         :: got == fine -> told = true
         :: got == no || got == stale || got == forgotten -> goto left
         :: got == lost
         fi
    od;
    seen = (source == none -> failed : rolled_back);
    do
    :: step(seen);
       if
       :: got == lost
       :: else -> break
       fi
    od;
    goto left;

committedNow:
    do
    :: call(toDestination, activate);
       if
       :: got == fine -> break
       :: got == stale -> goto left
       :: got == lost
       :: got == no ->
            call(toDestination, look);
            if
            :: got == gone -> decision = reverted; goto abort
            :: got != gone && (IS_TAKEN_OVER || redisLost) -> goto left
            :: else
            fi
       fi
    od;
#ifndef HURRIED
    do
    :: step(activated);
       if
       :: got == fine -> break
       :: got == no || got == stale || got == forgotten -> goto left
       :: got == lost
       fi
    od;
#endif
activatedNow:
    insist(toSource, finish);
    insist(toDestination, release);
#ifdef HURRIED
    step(activated);
#endif
    seen = (destination == none -> failed : done);
    do
    :: step(seen);
       if
       :: got == lost
       :: else -> break
       fi
    od;
    goto left;

left:
    ended[me] = true
  } unless { crashed[me] }
}

/* Starts the controllers, and ends them; somebody cancels. */
active proctype Operators() {
  bool cancelled = false;
  controllers = 1; run Controller(0);
end:
  do
  :: atomic { faults > 0 && controllers < CONTROLLERS && !crashed[controllers - 1] ->
       faults = faults - 1; crashed[controllers - 1] = true }
  /* After a crash; or because the one before seemed to have stalled. */
  :: atomic { controllers < CONTROLLERS && crashed[controllers - 1] && !redisLost ->
       controllers = controllers + 1; run Controller(controllers - 1) }
  :: atomic { controllers < CONTROLLERS && !crashed[controllers - 1] && !redisLost && faults > 0 ->
       faults = faults - 1; controllers = controllers + 1; run Controller(controllers - 1) }
  :: atomic { !cancelled && faults > 0 && nfull(toRedis) ->
       cancelled = true; faults = faults - 1; toRedis ! NOBODY, aborted, recordEpoch }
  od
}

/* A VM that was started anew had the only copy that could run. */
#define GONE (source == none && destination == none && ((sourceLost && record != done) || (destinationLost && ranThere)))

/* Where nothing moves any more. */
active proctype Rest() {
end:
  timeout -> assert(redisLost || IS_FINAL(record) && !sourceClaim && !destinationClaim && (HERE || THERE || GONE))
}

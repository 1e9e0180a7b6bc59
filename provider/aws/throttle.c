/* Slows all workers down together when a service says "too many requests": see throttle.h. */
#include "provider/aws/throttle.h"

static const double DECREASE = 0.7, INCREASE = 0.1 /* of the refused rate, each second */, RATE_MIN = 0.5,
                    INCREASE_MIN = 0.1;

enum {
    WINDOW_MS = 1000,
    CUT_PAUSE_MS = 500, /* refusals of one burst are one refusal */
};

void throttle_init(struct throttle *t)
{
    *t = (struct throttle){.window_ms = -1};
    pthread_mutex_init(&t->lock, NULL);
}

void throttle_release(struct throttle *t)
{
    pthread_mutex_destroy(&t->lock);
}

static void throttle_measure(struct throttle *t, int64_t now_ms)
{
    if (t->window_ms < 0)
        t->window_ms = now_ms;
    int64_t elapsed = now_ms - t->window_ms;
    if (elapsed >= WINDOW_MS) {
        t->sent_rate = t->in_window * 1000.0 / (double)elapsed;
        t->window_ms = now_ms;
        t->in_window = 0;
    }
    t->in_window++;
}

int64_t throttle_reserve(struct throttle *t, int64_t now_ms)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&t->lock);
    throttle_measure(t, now_ms);
    double wait = 0;
    if (t->active) {
        if (t->next_ms < (double)now_ms)
            t->next_ms = (double)now_ms;
        wait = t->next_ms - (double)now_ms;
        t->next_ms += 1000.0 / t->rate;
    }
    return (int64_t)wait;
}

void throttle_refused(struct throttle *t, int64_t now_ms)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&t->lock);
    if (!t->active || now_ms - t->cut_ms >= CUT_PAUSE_MS) {
        /* In the first second the count so far is the best there is. */
        double sent = t->sent_rate > t->in_window ? t->sent_rate : t->in_window;
        t->refused_at = t->active && t->rate < sent ? t->rate : sent;
        t->rate = t->refused_at * DECREASE;
        if (t->rate < RATE_MIN)
            t->rate = RATE_MIN;
        t->active = true;
        t->cut_ms = now_ms;
    }
}

void throttle_accepted(struct throttle *t)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&t->lock);
    if (t->active) {
        /* Answers come at `rate` a second, so this adds up to one step a second. */
        double step = t->refused_at * INCREASE;
        t->rate += (step > INCREASE_MIN ? step : INCREASE_MIN) / t->rate;
        t->active = t->rate <= 2 * t->refused_at;
    }
}

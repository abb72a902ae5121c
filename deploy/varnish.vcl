# Varnish 7 (Debian's package is enough) in front of the portal. docs/running.md, "Behind a CDN", says how to use it;
# tests/journeys/test_cdn.py runs this file.
#
# Three things are yours: the machines, who may empty the cache, and the file with its account (user:secret on one line).
vcl 4.1;

import blob;
import directors;
import std;

backend one {
    .host = "127.0.0.1";
    .port = "8000";
    .probe = { .url = "/health/live"; .interval = 2s; .initial = 2; .threshold = 2; .window = 3; }
}
# backend two { .host = "192.0.2.2"; .port = "8000"; .probe = ... }

# The portal's machines: they may empty the cache, if they know the secret as well.
acl portal { "127.0.0.1"; "::1"; }

# What ends TLS before us, and says X-Forwarded-Proto and the reader's address.
acl before_us { "127.0.0.1"; "::1"; }

sub vcl_init {
    new machines = directors.round_robin();
    machines.add_backend(one);
    # machines.add_backend(two);
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (client.ip !~ portal || req.http.Authorization != "Basic " + blob.transcode(encoding=BASE64,
                encoded=regsub(std.fileread("/etc/varnish/portal.secret"), "\s+$", ""))) {
            return (synth(403, "Not yours"));
        }
        if (req.http.Surrogate-Key !~ "^[A-Za-z0-9/_.%-]+$") {
            return (synth(400, "Name one key"));
        }
        if (!std.ban("obj.http.Surrogate-Key ~ (^|\s)" + req.http.Surrogate-Key + "(\s|$)")) {
            return (synth(500, std.ban_error()));
        }
        return (synth(200, "Forgotten"));
    }
    if (req.method !~ "^(GET|HEAD|POST|OPTIONS)$") {
        return (synth(405, "Not here"));
    }
    set req.backend_hint = machines.backend();
    if (client.ip ~ before_us) {
        # Varnish has added the address of what stands before us; the one before that is the reader's.
        set req.http.X-Forwarded-For = regsub(req.http.X-Forwarded-For, "^(.*[^ ,]) *,[^,]*$", "\1");
    } else {
        unset req.http.X-Forwarded-Proto;
    }
    if (req.url ~ "^/(admin|preview)(/|$)") {
        return (pass);
    }
    # Public pages know no cookie and no account, and every name of theirs says the same.
    unset req.http.Cookie;
    unset req.http.Authorization;
    set req.http.Host = regsub(std.tolower(req.http.Host), ":[0-9]+$", "");
    # What stands behind a question mark is a question: nobody fills the cache, or finds in it, what others asked.
    if (req.method !~ "^(GET|HEAD)$" || req.url ~ "\?") {
        return (pass);
    }
    return (hash);
}

sub vcl_backend_fetch {
    set bereq.http.X-Began = std.real(time=now);
}

sub vcl_backend_response {
    # Never anything old: who asks while nobody answers is told so. (The portal itself stays up without its database.)
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    if (bereq.uncacheable) {
        return (deliver);
    }
    if (beresp.http.Set-Cookie || beresp.status != 200 || now - std.real2time(std.real(s=bereq.http.X-Began, fallback=0.0), now) > 0.4s) {
        # An answer that was long on its way may have been overtaken by a purge (docs/decisions.md, 71).
        set beresp.uncacheable = true;
    } else if (beresp.http.CDN-Cache-Control ~ "^max-age=[0-9]+$") {
        set beresp.ttl = std.duration(regsub(beresp.http.CDN-Cache-Control, "^max-age=", "") + "s", 0s);
    } else if (beresp.http.CDN-Cache-Control || beresp.http.Cache-Control !~ "immutable") {
        set beresp.uncacheable = true;
    }
    if (beresp.uncacheable) {
        set beresp.ttl = 2m;  # of the note that this address is to be asked for; nobody waits for another's answer
    }
    return (deliver);
}

sub vcl_backend_error {
    if (bereq.method ~ "^(GET|HEAD)$" && bereq.retries < 1) {
        return (retry);  # a machine that has just stopped; the other one answers
    }
    set beresp.status = 503;
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Retry-After = "10";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    set beresp.body = "Please try again shortly." + {"
"};
    return (deliver);
}

sub vcl_deliver {
    set resp.http.X-Cache = "MISS";
    if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    }
    # Between the portal and us.
    unset resp.http.CDN-Cache-Control;
    unset resp.http.Surrogate-Control;
    unset resp.http.Surrogate-Key;
    unset resp.http.Cache-Tag;
    unset resp.http.X-Varnish;
    unset resp.http.Via;
}

sub vcl_synth {
    set resp.http.Cache-Control = "no-store";
    set resp.http.Content-Type = "text/plain; charset=utf-8";
    set resp.body = resp.reason + {"
"};
    return (deliver);
}

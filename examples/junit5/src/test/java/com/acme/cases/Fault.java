package com.acme.cases;

import java.util.Arrays;

/** What goes wrong on purpose: EXAMPLE_FAULTS is none, or some of flake, fail and crash. */
public final class Fault {
    private Fault() {
    }

    public static boolean is(String name) {
        return Arrays.asList(System.getenv().getOrDefault("EXAMPLE_FAULTS", "flake").split(",")).contains(name);
    }
}

package com.acme.cases;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Surefire runs these. */
@Tag("owner:rules")
class RulesTest extends ReviewContract {
    @Override
    String decision() {
        return Fault.is("fail") ? "rejected" : "approved";
    }

    @Test
    void adds() {
        assertEquals(4, 2 + 2);
    }

    @Test
    void isOnTime() {
        boolean late = Fault.is("flake") && "1".equals(System.getenv().getOrDefault("E2E_ATTEMPT", "1"));
        assertFalse(late, "the rule was late");
    }
}

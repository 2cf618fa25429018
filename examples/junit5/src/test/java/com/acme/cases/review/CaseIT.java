package com.acme.cases.review;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Another class of this name. */
class CaseIT {
    @Test
    void approves() {
        assertEquals("approved", "appro" + "ved");
    }
}

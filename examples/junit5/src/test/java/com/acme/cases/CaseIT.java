package com.acme.cases;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.stream.Stream;

import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Failsafe runs these. EXAMPLE_FAULTS says what goes wrong. */
@Tag("owner:case-platform")
class CaseIT extends ReviewContract {
    @Override
    String decision() {
        return "approved";
    }

    @Smoke
    void submits() {
        assertTrue("submitted".endsWith("ted"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"low", "high risk", "a::b[c]", "süß", "two\nlines", "-x --co", "]]>", "a › b"})
    void submits(String risk) {
        assertNotNull(risk);
    }

    @Test
    @DisplayName("::error:: | `escalates` <!-- --> ‮ @team")
    void escalates() {
        if (Fault.is("crash")) {
            Runtime.getRuntime().halt(137);
        }
    }

    @RepeatedTest(3)
    void counts() {
        assertEquals(2, 1 + 1);
    }

    @TestFactory
    Stream<DynamicTest> eachStep() {
        return Stream.of("submit", "review").map(step -> dynamicTest(step, () -> assertFalse(step.isEmpty())));
    }

    @Test
    @Disabled("the audit service has no test instance")
    void audits() {
        throw new AssertionError("never runs");
    }

    @Test
    void needsMail() {
        assumeTrue(System.getenv("MAIL_URL") != null, "there is no mail server");
    }

    @Nested
    @Tag("criticality:non-blocking")
    class Notes {
        @Test
        void areKept() {
            assertEquals("a note", "a " + "note");
        }

        @Test
        void notifies() {
            boolean late = Fault.is("flake") && "1".equals(System.getenv().getOrDefault("E2E_ATTEMPT", "1"));
            assertFalse(late, "no message after 2 s");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void countsApprovals(int reviewers, TestReporter reporter) {
        reporter.publishEntry("e2e.state", "case CASE-7 in review");
        System.out.println("asked " + reviewers + " reviewers");
        assertEquals(reviewers, Fault.is("fail") && reviewers == 2 ? 1 : reviewers, "approvals");
    }
}

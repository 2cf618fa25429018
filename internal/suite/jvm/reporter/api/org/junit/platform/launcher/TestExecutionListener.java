package org.junit.platform.launcher;

import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.reporting.FileEntry;
import org.junit.platform.engine.reporting.ReportEntry;

public interface TestExecutionListener {
    default void testPlanExecutionStarted(TestPlan plan) {
    }

    default void testPlanExecutionFinished(TestPlan plan) {
    }

    default void executionSkipped(TestIdentifier test, String reason) {
    }

    default void executionStarted(TestIdentifier test) {
    }

    default void executionFinished(TestIdentifier test, TestExecutionResult result) {
    }

    default void reportingEntryPublished(TestIdentifier test, ReportEntry entry) {
    }

    default void fileEntryPublished(TestIdentifier test, FileEntry file) {
    }
}

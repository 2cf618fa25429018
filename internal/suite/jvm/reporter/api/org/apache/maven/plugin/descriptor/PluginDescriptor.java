package org.apache.maven.plugin.descriptor;

import java.util.Map;

import org.apache.maven.artifact.Artifact;

public class PluginDescriptor {
    public native Map<String, Artifact> getArtifactMap();
}
